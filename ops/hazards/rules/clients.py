"""What takes no time, and breaks the code that runs now, or what it relies on."""

from __future__ import annotations

from ops.catalog.values import Key
from ops.hazards.rule import DOCS, READS, Finding, Rule
from ops.hazards.subject import Subject
from ops.hazards.values import Severity
from ops.hazards.weight import BUSY
from ops.remedy.words import qualified
from ops.statement import Mode

_CONSTRAINTS = {"check": "CHECK", "unique": "UNIQUE", "primary key": "PRIMARY KEY", "exclusion": "EXCLUDE"}


def broken(subject: Subject, relation: str) -> Severity:
    """Return how bad it is that code which uses a relation fails from one moment to the next."""
    traffic = subject.load(relation).traffic(Mode.ACCESS_EXCLUSIVE)
    if subject.load(relation).is_empty or traffic == 0:
        return Severity.INFO
    return Severity.HIGH if traffic is None or traffic >= BUSY else Severity.MEDIUM


def _follows(subject: Subject, verb: str, **wanted: object) -> bool:
    """Whether a later statement of the transaction does this to the same relation."""
    return any(
        one.verb == verb
        and subject.named(one.schema, one.name) == subject.relation
        and all(getattr(one, name) == value for name, value in wanted.items())
        for statement in subject.later
        for one in subject.scene.of(statement)
    )


def _required_column(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "ADD COLUMN" or subject.is_new or "NOT NULL" not in command.options:
        return None
    if command.default is not None or command.options & {"IDENTITY", "SERIAL", "STORED", "VIRTUAL"}:
        return None
    return Finding(
        relation=subject.relation,
        harm=f"{command.column} of {subject.relation} is NOT NULL and has no default: this fails as soon as there is "
        "one row, and every INSERT of the code that runs now fails from then on.",
        severity=Severity.INFO if subject.load().is_empty else Severity.HIGH,
        explains=READS,
    )


REQUIRED_COLUMN = Rule(
    code="required-column",
    harm="A column that is NOT NULL and has no default cannot be added to rows that are there, and breaks old INSERTs.",
    advice="Add it nullable, have the code fill it, fill the old rows in batches, and make it NOT NULL by a CHECK.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-NOTES",
    spot=_required_column,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(11,),
)


def _drop_default(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "DROP DEFAULT" or subject.is_new or not subject.column(command.column).get("default"):
        return None
    if any(_follows(subject, verb, columns=command.columns) for verb in ("SET DEFAULT", "ADD IDENTITY")):
        return None
    required = subject.becomes_not_null(command.column)
    effect = "fails" if required else "stores NULL"
    severity = Severity.MEDIUM if required else Severity.LOW
    return Finding(
        relation=subject.relation,
        harm=f"Every INSERT that leaves {command.column} of {subject.relation} out {effect} from now on.",
        severity=Severity.INFO if subject.load().is_empty else severity,
    )


DROP_DEFAULT = Rule(
    code="drop-default",
    harm="Code that relied on a default stores NULL without it, or fails where the column is NOT NULL.",
    advice="Have all writers name the column first.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DROP-DEFAULT",
    spot=_drop_default,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(13,),
)


def _drop_constraint(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "DROP CONSTRAINT" or subject.is_new:
        return None
    key = subject.constraint(command.constraint)
    if key is None or key.kind not in _CONSTRAINTS or _comes_back(subject, key):
        return None
    return Finding(
        relation=subject.relation,
        harm=f"From now on rows are let into {subject.relation} that {key.name} ({_CONSTRAINTS[key.kind]}) kept out; "
        "with the first of them there is no way back.",
        severity=Severity.INFO if subject.load().is_empty else Severity.LOW,
    )


def _comes_back(subject: Subject, key: Key) -> bool:
    """Whether the plan adds a constraint of the same name, or a NOT NULL in its place."""
    for statement in subject.scene.statements:
        for one in subject.scene.of(statement):
            same = subject.named(one.schema, one.name) == subject.relation
            if same and one.verb.startswith("ADD ") and one.constraint == key.name:
                return True
            if same and one.verb == "SET NOT NULL" and key.kind == "check":
                return True
    return False


DROP_CONSTRAINT = Rule(
    code="drop-constraint",
    harm="What a constraint kept out comes in, and the constraint cannot be added again until those rows are mended.",
    advice="Be sure that nobody relies on it; what replaces it comes first.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-DROP-CONSTRAINT",
    spot=_drop_constraint,
    lock=Mode.ACCESS_EXCLUSIVE,
)


def _rename_constraint(subject: Subject) -> Finding | None:
    command = subject.command
    key = subject.constraint(command.constraint) if command.verb == "RENAME CONSTRAINT" and not subject.is_new else None
    if key is None:
        return None
    named = key.kind in ("unique", "primary key", "exclusion")
    conflict = f"INSERT … ON CONFLICT ON CONSTRAINT {key.name} fails at once, and " if named else ""
    text = f"{conflict}code that tells errors apart by the name {key.name} does not know {command.new_name}."
    return Finding(
        relation=subject.relation,
        harm=f"{text[0].upper()}{text[1:]}",
        severity=Severity.INFO if subject.load().is_empty or not named else Severity.LOW,
    )


RENAME_CONSTRAINT = Rule(
    code="rename-constraint",
    harm="A constraint's name is in ON CONFLICT ON CONSTRAINT, in what handles errors, and in later migrations.",
    advice="See who names it: code, other migrations, and the naming convention of the models.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-RENAME",
    spot=_rename_constraint,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(32,),
)


def _drop_view(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb not in ("DROP VIEW", "DROP MATERIALIZED VIEW"):
        return None
    names = [subject.named(schema, name) for schema, name in command.objects]
    made = {subject.named(one.schema, one.name) for later in subject.later for one in subject.scene.of(later)
            if one.verb in ("CREATE VIEW", "CREATE MATERIALIZED VIEW")}  # fmt: skip
    gone = [
        one for one in names if subject.scene.exists(subject.scene.origin(subject.statement, one)) and one not in made
    ]
    if not gone:
        return None
    return Finding(
        relation=gone[0],
        harm=f"Code that still reads {', '.join(gone)} fails at once.",
        severity=Severity.MEDIUM,
    )


DROP_VIEW = Rule(
    code="drop-view",
    harm="A view that is gone breaks the code that reads it.",
    advice="Take it out of the code first; where it is to change, create the new one in the same transaction.",
    source=f"{DOCS}sql-dropview.html#SQL-DROPVIEW",
    spot=_drop_view,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(59,),
)


def _row_security(subject: Subject) -> Finding | None:
    if subject.command.verb != "ENABLE ROW SECURITY" or subject.is_new or subject.children("policy"):
        return None
    before = [one for statement in subject.earlier for one in subject.scene.of(statement)]
    if any(one.verb == "CREATE POLICY" and subject.named(one.schema, one.name) == subject.relation for one in before):
        return None
    if _follows(subject, "CREATE POLICY"):
        return None
    return Finding(
        relation=subject.relation,
        harm=f"{subject.relation} has no policy: whoever is neither its owner nor a superuser sees none of its rows "
        "from now on, and can add none.",
        severity=broken(subject, subject.relation),
    )


ROW_SECURITY = Rule(
    code="row-security",
    harm="Row security without a policy hides every row from all but the owner, without an error.",
    advice="Create the policies first: they wait until row security is enabled.",
    source=f"{DOCS}ddl-rowsecurity.html#DDL-ROWSECURITY",
    spot=_row_security,
    lock=Mode.ACCESS_EXCLUSIVE,
    rows=(52,),
)


def _disabled_trigger(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "DISABLE TRIGGER" or subject.is_new or _follows(subject, "ENABLE TRIGGER", value=command.value):
        return None
    runs = {"ALL": "No trigger runs", "USER": "No trigger of the users runs"}
    what = runs.get(command.value, f"The trigger {command.value} does not run")
    checks = " Foreign keys are triggers, too: rows that refer to nothing are let in." if command.value == "ALL" else ""
    return Finding(
        relation=subject.relation,
        harm=f"{what} on {subject.relation} from now on, for anybody.{checks}",
        severity=Severity.INFO if subject.load().is_empty else Severity.MEDIUM,
    )


DISABLED_TRIGGER = Rule(
    code="disabled-trigger",
    harm="A trigger that is disabled is so for every session: what it checks or writes is left out, silently.",
    advice="Enable it again in the same transaction; for one session alone there is session_replication_role.",
    source=f"{DOCS}sql-altertable.html#SQL-ALTERTABLE-DESC-DISABLE-ENABLE-TRIGGER",
    spot=_disabled_trigger,
    lock=Mode.SHARE_ROW_EXCLUSIVE,
    rows=(53,),
)


def _rename_value(subject: Subject) -> Finding | None:
    command = subject.command
    if command.verb != "RENAME VALUE":
        return None
    name = qualified(subject.scene.schema(command.schema, command.name), command.name)
    users = _columns_of(subject, name)
    if not users:
        return None
    return Finding(
        relation=name,
        harm=f"The label {command.value!r} of {name} is called {command.new_name!r} from one moment to the next: code "
        f"that sends or compares it fails. It is the type of {', '.join(users[:4])}.",
        severity=max(broken(subject, one) for one in users),
    )


def _columns_of(subject: Subject, name: str) -> list[str]:
    """The tables with a column of a type."""
    catalog = subject.side.catalog
    columns = (key for key in catalog.texts if key.kind == "column")
    found = {qualified(key.schema, key.parent) for key in columns if subject.side.of(key).get("type") == name}
    return sorted(found)


RENAME_VALUE = Rule(
    code="rename-value",
    harm="Code that sends or compares the old label fails at once; stored rows have the new one.",
    advice="Add the new label, have the code take both, move the rows, and leave the old label unused.",
    source=f"{DOCS}sql-altertype.html#SQL-ALTERTYPE",
    spot=_rename_value,
    since=10,
    rows=(55,),
)

RULES = (
    REQUIRED_COLUMN,
    DROP_DEFAULT,
    DROP_CONSTRAINT,
    RENAME_CONSTRAINT,
    DROP_VIEW,
    ROW_SECURITY,
    DISABLED_TRIGGER,
    RENAME_VALUE,
)
