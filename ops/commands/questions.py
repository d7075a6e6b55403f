"""Questions about the commands of one statement. What is not certain is answered with no."""

from __future__ import annotations

from collections.abc import Sequence

from ops.commands.values import Command

_DATA = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE", "DO", "CALL", "SELECT", "?"})
_READ = frozenset({"SELECT", "EXPLAIN", "DECLARE CURSOR", "COPY", "SHOW", "FETCH"})

# What a SELECT may call and still only read; any other function may write.
_FUNCTIONS = """
    abs age array_agg array_length array_position array_to_string avg bit_and bit_length bit_or bool_and
    bool_or btrim cardinality ceil ceiling char_length character_length chr clock_timestamp col_description
    concat concat_ws count cume_dist current_database current_schema current_schemas current_setting date_part
    date_trunc dense_rank exp extract first_value floor format format_type gen_random_uuid generate_series
    greatest has_column_privilege has_schema_privilege has_table_privilege initcap json_agg json_array_length
    json_build_object json_each json_object_agg jsonb_agg jsonb_array_elements jsonb_array_length
    jsonb_build_object jsonb_each jsonb_object_agg jsonb_set jsonb_typeof lag last_value lead least left
    length ln log lower lpad ltrim make_date make_interval make_timestamp max md5 min mod now ntile nullif
    num_nonnulls num_nulls obj_description octet_length overlay pg_column_size pg_get_constraintdef
    pg_get_expr pg_get_indexdef pg_get_serial_sequence pg_get_viewdef pg_my_temp_schema pg_relation_size
    pg_table_is_visible pg_table_size pg_total_relation_size pg_type_is_visible position power quote_ident
    quote_literal random rank regexp_match regexp_matches regexp_replace regexp_split_to_array repeat replace
    reverse right round row_number row_to_json rpad rtrim sign split_part sqrt statement_timestamp string_agg
    string_to_array strpos substr substring sum to_char to_date to_json to_jsonb to_number to_regclass
    to_regtype to_timestamp transaction_timestamp translate trim trunc unnest upper version
"""
_HARMLESS = frozenset(_FUNCTIONS.split())


def is_data_only(commands: Sequence[Command]) -> bool:
    """Return whether a statement reads and writes rows and changes no schema."""
    return bool(commands) and all(one.verb in _DATA for one in commands)


def reads_only(commands: Sequence[Command]) -> bool:
    """Return whether a statement certainly writes nothing: it only reads, and calls no function that could write."""
    return bool(commands) and all(_reads_only(one) for one in commands)


def _reads_only(command: Command) -> bool:
    if command.verb not in _READ or (command.verb == "COPY" and "FROM" in command.options):
        return False
    if command.options & {"FOR UPDATE", "PROGRAM"}:
        return False
    return all(schema in ("", "pg_catalog") and name in _HARMLESS for schema, name in command.functions)


def may_write_rows(commands: Sequence[Command]) -> bool:
    """Return whether a statement may write rows, by what it calls as well."""
    return any(one.verb in _WRITES for one in commands) and not reads_only(commands)


def returns_rows(commands: Sequence[Command]) -> bool:
    """Return whether a statement gives rows to whoever runs it. The last command of a statement decides."""
    if not commands:
        return False
    last = commands[-1]
    return last.verb in {"SELECT", "EXPLAIN", "SHOW", "FETCH"} or "RETURNING" in last.options
