"""What is asked or written down wrongly, as one table: how the command line is called, with which files around it.

Every row has to end in a refusal that says what is wrong; `PLANTED` is a password that none may repeat. The files stand
in a home with a sound Alembic project, `shop/alembic.ini`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

PLANTED = "pl4nted-pw"
URL = f"postgresql://me:{PLANTED}@127.0.0.1:1/shop"
GOOD = f"[ops:target:case]\nurl = {URL}\nconfig = shop/alembic.ini\n"
RUN = ("run", "10", "--target", "case")

Files = Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call, the files and the environment in which it is made, and words that its refusal has."""

    said: str
    call: tuple[str, ...] = RUN
    files: Files = field(default_factory=lambda: {"ops.ini": GOOD})
    environment: Mapping[str, str] = field(default_factory=dict)


def cases() -> Iterator[tuple[str, Case]]:
    """Return every row with its sentence."""
    for what, (call, said) in CALLS.items():
        yield f"call: {what}", Case(call=call, said=said)
    for what, (parameters, said) in PARAMETERS.items():
        name, *given = parameters
        call = ("run", name, "--target", "case", *(part for one in given for part in ("-p", one)))
        yield f"parameter: {what}", Case(call=call, said=said)
    for what, (lines, said) in SECTIONS.items():
        yield f"section: {what}", Case(files={"ops.ini": f"{GOOD}{lines}\n"}, said=said)
    for what, (url, said) in URLS.items():
        files = {"ops.ini": "[ops:target:case]\nurl_env = SHOP_URL\nconfig = shop/alembic.ini\n"}
        yield f"url: {what}", Case(files=files, environment={"SHOP_URL": url}, said=said)
    for what, (files, said) in FILES.items():
        yield f"file: {what}", Case(files=files, said=said)
    for what, (environment, said) in SURROUNDINGS.items():
        yield f"surroundings: {what}", Case(environment=environment, said=said)


LONG = "x" * 5000

CALLS = {
    "no command": ((), "the following arguments are required: COMMAND"),
    "a command that is none": (("upgrade",), "invalid choice: 'upgrade'"),
    "an option that is none": (("list", "--yaml"), "unrecognized arguments: --yaml"),
    "an abbreviated option": (("run", "10", "--targ", "case"), "unrecognized arguments: --targ"),
    "an option without its value": (("run", "10", "--target"), "expected one argument"),
    "a notebook too many": (("run", "10", "12", "--target", "case"), "unrecognized arguments: 12"),
    "no notebook": (("run",), "the following arguments are required: NAME"),
    "an empty notebook": (("run", ""), "There is no notebook ''"),
    "a notebook that is none": (("run", "11-inspekt"), "There is no notebook '11-inspekt'"),
    "the beginning of several": (("run", "4"), "40-upgrade, 42-downgrade"),
    "a notebook's whole path": (("run", "/etc/passwd"), "There is no notebook '/etc/passwd'"),
    "a path upwards": (("run", "../../etc/passwd"), "There is no notebook '../../etc/passwd'"),
    "a wildcard": (("run", "*"), "There is no notebook '*'"),
    "a regular expression": (("run", "1[0"), "There is no notebook '1[0'"),
    "a notebook with a line break": (("run", "10\n"), "There is no notebook '10\\n'"),
    "a notebook with colours": (("run", "\x1b[31m10"), "There is no notebook '\\x1b[31m10'"),
    "a notebook as long as a page": (("run", LONG), "There is no notebook"),
    "a target that is none": (("run", "10", "--target", "caes"), "There is no target 'caes'. Did you mean 'case'?"),
    "an empty target": (("run", "10", "--target", ""), "There is no target ''"),
    "a target that is a URL": (("run", "10", "--target", URL), "There is no target"),
    "a target that is a path": (("run", "10", "--target", "../case"), "There is no target '../case'"),
    "a target with a blank behind": (("run", "10", "--target", "case "), "There is no target 'case '"),
    "a target in capitals": (("run", "10", "--target", "CASE"), "There is no target 'CASE'"),
    "a target in look-alike letters": (("run", "10", "--target", "cаse"), "There is no target 'cаse'"),
    "a target that is SQL": (("run", "10", "--target", "x'; DROP TABLE y; --"), "There is no target"),
    "a target as long as a page": (("run", "10", "--target", LONG), "There is no target"),
    "a target with colours": (("run", "10", "--target", "\x1b]0;x\x07"), "There is no target '\\x1b]0;x\\x07'"),
    "the target twice": (("run", "10", "--target", "case", "-p", "target=case"), "The target is given twice"),
    "a webhook over http": ((*RUN, "--notify-url", "http://example.com/x"), "https"),
    "a webhook that is a file": ((*RUN, "--notify-url", "file:///etc/passwd"), "https"),
    "a webhook that is no URL": ((*RUN, "--notify-url", "example"), "https"),
    "an output folder below a file": ((*RUN, "--out", "ops.ini/x"), "cannot be used: Not a directory"),
    "an output folder that is a file": ((*RUN, "--out", "ops.ini"), "cannot be used"),
    "an output folder that nobody may make": ((*RUN, "--out", "/proc/x"), "cannot be used"),
    "an output folder with a NUL": ((*RUN, "--out", "a\0b"), "cannot be used"),
    "an output folder with too long a name": ((*RUN, "--out", LONG), "cannot be used: File name too long"),
    "an output folder of nobody's": ((*RUN, "--out", "~nobody-of-that-name/x"), "cannot be used"),
}

PARAMETERS = {
    "no equals sign": (("10", "fail_on_pending"), "'fail_on_pending' is not of the form key=value"),
    "nothing": (("10", ""), "'' is not of the form key=value"),
    "an equals sign alone": (("10", "="), "10-inspect has no parameter ''"),
    "a name that is none": (("10", "fail_on_pendin=1"), "Did you mean fail_on_pending?"),
    "a name in capitals": (("10", "FAIL_ON_PENDING=1"), "10-inspect has no parameter 'FAIL_ON_PENDING'"),
    "a name with a dash": (("10", "fail-on-pending=1"), "Did you mean fail_on_pending?"),
    "a name of Python's": (("10", "__class__=1"), "has no parameter '__class__'"),
    "a name as long as a page": (("10", f"{LONG}=1"), "10-inspect has no parameter"),
    "a name with colours": (("10", "\x1b[31mx=1"), "has no parameter '\\x1b[31mx'"),
    "a name with a line break": (("10", "x\n=1"), "10-inspect has no parameter 'x'"),
    "a name that is a password's": (("10", f"password={PLANTED}"), "10-inspect has no parameter 'password'"),
    "another notebook's name": (("10", "revision=head"), "10-inspect has no parameter 'revision'"),
    "the same one twice": (("10", "fail_on_pending=1", "fail_on_pending=0"), "fail_on_pending is given twice"),
    "a truth value: another word": (("10", "fail_on_pending=maybe"), "takes a bool"),
    "a truth value: nothing": (("10", "fail_on_pending="), "'' is not one"),
    "a truth value: 2": (("10", "fail_on_pending=2"), "takes a bool"),
    "a truth value: None": (("10", "fail_on_pending=None"), "takes a bool"),
    "a truth value: code": (("10", "fail_on_pending=__import__('os')"), "takes a bool"),
    "a truth value: fullwidth": (("10", "fail_on_pending=ｔｒｕｅ"), "takes a bool"),
    "a whole number: a word": (("40", "wait=soon"), "takes a whole number"),
    "a whole number: nothing": (("40", "wait="), "takes a whole number"),
    "a whole number: with a unit": (("40", "wait=5s"), "takes a whole number"),
    "a whole number: a fraction": (("40", "wait=1.5"), "takes a whole number"),
    "a whole number: underscores": (("40", "wait=1_000"), "takes a whole number"),
    "a whole number: hexadecimal": (("40", "wait=0x10"), "takes a whole number"),
    "a whole number: an exponent": (("40", "wait=1e3"), "takes a whole number"),
    "a whole number: digits of another script": (("40", "wait=٣"), "takes a whole number"),
    "a whole number: of 5000 digits": (("40", "wait=" + "9" * 5000), "takes a whole number"),
    "a whole number: SQL": (("40", "wait=1; DROP TABLE x"), "takes a whole number"),
    "a whole number: a NUL": (("40", "wait=1\0"), "takes a whole number"),
    "a required one is missing": (("24", "autogenerate=perhaps"), "takes a bool"),
}

SECTIONS = {
    "a slip of the pen": ("protectd = true", "Did you mean 'protected'?"),
    "a key in capitals": ("PROTECTED = true", "the key 'PROTECTED', which nobody knows"),
    "a key with a blank": ("lock timeout = 2s", "the key 'lock timeout'"),
    "a line that continues another": (" = x", "no Alembic config file"),
    "an empty key": ("= x", "cannot be read"),
    "a key without a value": ("protected", "cannot be read"),
    "a key twice": ("protected = true\nprotected = false", "cannot be read"),
    "the URL twice": (f"url = {URL}", "cannot be read"),
    "a URL and a variable": ("url_env = X", "has both url and url_env"),
    "a family alone": ("env. = 1", "the key 'env.'"),
    "a family nobody knows": ("enviroment.X = 1", "the key 'enviroment.X'"),
    "protected: another word": ("protected = sometimes", "is neither true nor false"),
    "protected: nothing": ("protected =", "is neither true nor false"),
    "protected: a comment behind": ("protected = false ; for now", "Comments stand on lines of their own"),
    "lock_timeout: no unit": ("lock_timeout = 2000", "is no duration"),
    "lock_timeout: none at all": ("lock_timeout = 0", "is no duration"),
    "lock_timeout: less than none": ("lock_timeout = -1s", "is no duration"),
    "lock_timeout: a fraction": ("lock_timeout = 1.5s", "is no duration"),
    "lock_timeout: in words": ("lock_timeout = two seconds", "is no duration"),
    "lock_timeout: digits of another script": ("lock_timeout = ٢s", "is no duration"),
    "lock_timeout: longer than PostgreSQL counts": ("lock_timeout = 9999999h", "is no duration"),
    "lock_timeout: SQL": ("lock_timeout = 2s'; SELECT 1; --", "is no duration"),
    "lock_timeout_long: nothing": ("lock_timeout_long =", "is no duration"),
    "statement_timeout: infinity": ("statement_timeout = inf", "is no duration"),
    "max_rewrite: no unit": ("max_rewrite = 1000", "is no size"),
    "max_rewrite: less than nothing": ("max_rewrite = -1GB", "is no size"),
    "max_rewrite: a unit of others": ("max_rewrite = 1GiB", "is no size"),
    "config: nowhere": ("config = nowhere.ini", "cannot be read"),
    "python: a folder": ("python = shop", "is not an executable file"),
    "python: not executable": ("python = shop/alembic.ini", "is not an executable file"),
    "python: arguments behind": ("python = /usr/bin/env python3", "is not an executable file"),
    "python: as long as a page": (f"python = {LONG}", "is not an executable file"),
    "cwd: nowhere": ("cwd = nowhere", "is not a folder"),
    "cwd: a file": ("cwd = shop/alembic.ini", "is not a folder"),
    "cwd: of nobody's": ("cwd = ~nobody-of-that-name/x", "is not a folder"),
    "baseline: a folder": ("baseline = shop", "is not a file"),
    "baseline: as long as a page": (f"baseline = {LONG}", "is not a file"),
    "setup: no function": ("setup = shop.app", "names no function"),
    "setup: code": ("setup = os:system('id')", "names no function"),
    "host: another loop": ("host = trio", "is not known"),
    "driver: another database's": ("driver = pymysql", "asks for the driver 'pymysql'"),
    "driver: a path": ("driver = ../../x", "asks for the driver '../../x'"),
    "ledger: elsewhere": ("ledger = s3://x", "is not known"),
    "redirect: another word": ("redirect = please", "is neither true nor false"),
    "connection_attribute: another word": ("connection_attribute = x", "is neither true nor false"),
    "a template nobody knows": ("env.A = {passwort}", "the template {passwort}"),
    "a variable with an equals sign in its name": ("env.A=B = 1\nenv. = 2", "the key 'env.'"),
    "an option of no section": ("section.url = 1", "needs a section and an option"),
    "a requirement nobody knows": ("require = luck", "'luck' is not understood"),
    "a window that is none": ("require = window Mon-Fri 25:00-26:00", "window"),
    "a severity nobody knows": ("require = hazards < terrible", "names no severity"),
    "a requirement as long as a page": (f"require = {LONG}", "require: 'xxx"),
    "a scratch server of another kind": ("scratch_url = mysql://h/s", "another kind of database than the target"),
    "a scratch server's variable that is unset": ("scratch_url_env = NEVER_SET", "NEVER_SET, which is not set"),
    "a direct URL that is none": ("direct_url = here", "is not a database URL"),
    "a variable's name that is none": ("direct_url_env = A-B", "is no name of an environment variable"),
    "a NUL": ("role = a\0b", "it holds a NUL byte"),
    "two ways to begin": ("baseline = shop/alembic.ini\nbootstrap = shop init", "has both baseline and bootstrap"),
}

URLS = {
    "nothing but blanks": ("   ", "is not a database URL"),
    "a word": (PLANTED, "is not a database URL"),
    "a connection string": (f"host=h password={PLANTED}", "is not a database URL"),
    "one slash": (f"postgresql:/me:{PLANTED}@h/d", "is not a database URL"),
    "no scheme": (f"me:{PLANTED}@h/d", "is not a database URL"),
    "an empty scheme": (f"://me:{PLANTED}@h/d", "is not a database URL"),
    "in quotes": (f"'postgresql://me:{PLANTED}@h/d'", "is not a database URL"),
    "assigned": (f"DATABASE_URL=postgresql://me:{PLANTED}@h/d", "is not a database URL"),
    "a shell's variable": ("$DATABASE_URL", "is not a database URL"),
    "a template": ("{url}", "is not a database URL"),
    "JDBC": (f"jdbc:postgresql://h/d?user=me&password={PLANTED}", "is not a database URL"),
    "a port that is a word": (f"postgresql://me:{PLANTED}@h:port/d", "is not a database URL"),
    "a port below none": (f"postgresql://me:{PLANTED}@h:-1/d", "Ports are numbers"),
    "an @ in the password": (f"postgresql://me:p@{PLANTED}@h/d", "more than one @"),
    "IPv6 without an end": (f"postgresql://me:{PLANTED}@[::1/d", "is not a database URL"),
    "a NUL in the password": (f"postgresql://me:{PLANTED}%00@h/d", "control character"),
    "a NUL in the user": (f"postgresql://m%00e:{PLANTED}@h/d", "control character"),
    "no port at all": (f"postgresql://me:{PLANTED}@h:0/d", "Ports are numbers"),
    "a port above all": (f"postgresql://me:{PLANTED}@h:65536/d", "Ports are numbers"),
    "a NUL in the database": (f"postgresql://me:{PLANTED}@h/d%00", "control character"),
    "a NUL in an option": (f"postgresql://me:{PLANTED}@h/d?application_name=%00", "control character"),
    "a line break": (f"postgresql://me:{PLANTED}@h/d\nx", "control character"),
    "an escape sequence": (f"postgresql://me:{PLANTED}@h/\x1b[31m", "control character"),
    "MariaDB by an unknown driver": (f"mysql+oursql://me:{PLANTED}@h/d", "asks for the driver 'oursql'"),
    "MariaDB, and no database": (f"mysql+pymysql://me:{PLANTED}@h", "names no database"),
    "MariaDB, TLS in other words": (f"mysql://me:{PLANTED}@h/d?tls=on", "asks for TLS by tls"),
    "Oracle": (f"oracle+cx_oracle://me:{PLANTED}@h/d", "speaks 'oracle'"),
    "SQL Server": (f"mssql+pyodbc://me:{PLANTED}@h/d", "speaks 'mssql'"),
    "CockroachDB": (f"cockroachdb://me:{PLANTED}@h/d", "speaks 'cockroachdb'"),
    "a web address": (f"https://me:{PLANTED}@h/d", "speaks 'https'"),
    "a scheme as long as a page": (f"{LONG}://me:{PLANTED}@h/d", "speaks 'xxx"),
    "capital letters": (f"POSTGRESQL://me:{PLANTED}@h/d", "speaks 'POSTGRESQL'"),
    "a driver nobody knows": (f"postgresql+pigeon://me:{PLANTED}@h/d", "the driver 'pigeon'"),
    "two drivers": (f"postgresql+psycopg+asyncpg://me:{PLANTED}@h/d", "driver"),
    "an ssl word nobody knows": (f"postgresql+asyncpg://me:{PLANTED}@h/d?ssl=maybe", "ssl='maybe'"),
    "a port for one of two hosts": (f"postgresql://me:{PLANTED}@a:x,b:2/d", "is not a database URL"),
}

FILES: dict[str, tuple[Files, str]] = {
    "ops.ini of NUL bytes": ({"ops.ini": b"\0" * 64}, "ops.ini cannot be read"),
    "ops.ini in UTF-16": ({"ops.ini": GOOD.encode("utf-16")}, "ops.ini cannot be read"),
    "ops.ini in Latin-1": ({"ops.ini": GOOD.encode() + "# für\n".encode("latin-1")}, "ops.ini cannot be read"),
    "ops.ini that is a picture": ({"ops.ini": b"\x89PNG\r\n\x1a\n\xff\xd8"}, "ops.ini cannot be read"),
    "ops.ini without a section": ({"ops.ini": f"url = {URL}\n"}, "ops.ini cannot be read"),
    "ops.ini that is JSON": ({"ops.ini": f'{{"url": "{URL}"}}'}, "ops.ini cannot be read"),
    "ops.ini that is YAML": ({"ops.ini": f"case:\n  url: {URL}\n"}, "ops.ini cannot be read"),
    "ops.ini with an open section": ({"ops.ini": f"[ops:target:case\nurl = {URL}\n"}, "ops.ini cannot be read"),
    "ops.ini with a section twice": ({"ops.ini": GOOD + GOOD}, "ops.ini cannot be read"),
    "ops.ini with a conflict of git's": ({"ops.ini": f"<<<<<<< HEAD\n{GOOD}=======\n"}, "ops.ini cannot be read"),
    "ops.ini with an indented section": ({"ops.ini": GOOD + f"\n  [ops:target:b]\nurl = {URL}\n"}, "cannot be read"),
    "ops.ini that is empty": ({"ops.ini": ""}, "There is no target 'case'"),
    "ops.ini of a megabyte of one line": ({"ops.ini": "x" * 2**20}, "ops.ini cannot be read"),
    "a target with a path's name": ({"ops.ini": GOOD.replace("target:case", "target:../x")}, "names a target '../x'"),
    "a target without a name": ({"ops.ini": GOOD.replace("target:case", "target:")}, "names a target ''"),
    "a target with a blank in its name": ({"ops.ini": GOOD.replace(":case", ":my case")}, "names a target 'my case'"),
    "a target with HTML for a name": ({"ops.ini": GOOD.replace(":case", ":<b>x</b>")}, "names a target '<b>x</b>'"),
    "a target in two files": ({"ops.ini": GOOD, "alembic.ini": GOOD}, "describe the target 'case'"),
    "a section of another word": ({"ops.ini": GOOD.replace("ops:target:", "ops:targets:")}, "no target 'case'"),
    "no URL": ({"ops.ini": "[ops:target:case]\nconfig = shop/alembic.ini\n"}, "has neither url nor url_env"),
    "an empty URL": ({"ops.ini": "[ops:target:case]\nurl =\nconfig = shop/alembic.ini\n"}, "is not a database URL"),
    "an empty url_env": ({"ops.ini": "[ops:target:case]\nurl_env =\n"}, "has neither url nor url_env"),
    "a config that is a folder": ({"ops.ini": GOOD.replace("shop/alembic.ini", "shop")}, "no Alembic config file"),
    "a config that is missing": ({"ops.ini": GOOD.replace("shop/", "nowhere/")}, "no Alembic config file"),
    "a config as long as a page": ({"ops.ini": GOOD.replace("shop/", LONG)}, "no Alembic config file"),
    "a config of nobody's": ({"ops.ini": GOOD.replace("shop/", "~nobody-of-that-name/")}, "no Alembic config file"),
    "a config with a NUL": ({"ops.ini": GOOD.replace("shop/", "shop\0/")}, "it holds a NUL byte"),
    "no config at all": ({"ops.ini": f"[ops:target:case]\nurl = {URL}\n"}, "no Alembic config file"),
    "pyproject.toml that is none": (
        {"ops.ini": f"[ops:target:case]\nurl = {URL}\n", "pyproject.toml": "[tool.alembic\n"},
        "no Alembic config file",
    ),
    "pyproject.toml of another tool": (
        {"ops.ini": f"[ops:target:case]\nurl = {URL}\n", "pyproject.toml": "[tool.ruff]\nline-length = 99\n"},
        "no Alembic config file",
    ),
    "pyproject.toml whose tool is a word": (
        {"ops.ini": f"[ops:target:case]\nurl = {URL}\n", "pyproject.toml": "tool = 'alembic'\n"},
        "no Alembic config file",
    ),
    "pyproject.toml in UTF-16": (
        {"ops.ini": f"[ops:target:case]\nurl = {URL}\n", "pyproject.toml": "[tool.alembic]\n".encode("utf-16")},
        "no Alembic config file",
    ),
    "alembic.ini in UTF-16": ({"ops.ini": GOOD, "alembic.ini": GOOD.encode("utf-16")}, "alembic.ini cannot be read"),
    ".env in UTF-16": ({"ops.ini": GOOD, ".env": f"A={URL}\n".encode("utf-16")}, ".env cannot be read"),
    ".env in Latin-1": ({"ops.ini": GOOD, ".env": b"A=f\xfcr\n"}, ".env cannot be read"),
    ".env of NUL bytes": ({"ops.ini": GOOD.replace(f"url = {URL}", "url_env = X"), ".env": b"\0" * 64}, "not set"),
    ".env without the variable": (
        {"ops.ini": GOOD.replace(f"url = {URL}", "url_env = NEVER_SET"), ".env": f"OTHER={URL}\n"},
        "NEVER_SET, which is not set",
    ),
    ".env with a variable commented out": (
        {"ops.ini": GOOD.replace(f"url = {URL}", "url_env = NEVER_SET"), ".env": f"# NEVER_SET={URL}\n"},
        "NEVER_SET, which is not set",
    ),
    ".env with an open quote": (
        {"ops.ini": GOOD.replace(f"url = {URL}", "url_env = NEVER_SET"), ".env": f"NEVER_SET='{URL}\n"},
        "NEVER_SET, which is not set",
    ),
    ".env with a colon": (
        {"ops.ini": GOOD.replace(f"url = {URL}", "url_env = NEVER_SET"), ".env": f"NEVER_SET: {URL}\n"},
        "NEVER_SET, which is not set",
    ),
    ".env with a NUL in the URL": (
        {"ops.ini": GOOD.replace(f"url = {URL}", "url_env = NEVER_SET"), ".env": f"NEVER_SET={URL}\0\n"},
        "control character",
    ),
}

SURROUNDINGS = {
    "a home that is not there": ({"OPS_HOME": "/nowhere/at/all"}, "OPS_HOME names '/nowhere/at/all'"),
    "a home that is a file": ({"OPS_HOME": "/etc/passwd"}, "which is not a folder"),
    "a home as long as a page": ({"OPS_HOME": "/" + LONG}, "which is not a folder"),
    "a home of nobody's": ({"OPS_HOME": "~nobody-of-that-name/x"}, "which is not a folder"),
    "notebooks that are not there": ({"OPS_NOTEBOOKS": "/nowhere/at/all"}, "notebook"),
    "notebooks that are a file": ({"OPS_NOTEBOOKS": "/etc/passwd"}, "notebook"),
    "a webhook that is none": ({"OPS_NOTIFY_URL": f"ftp://me:{PLANTED}@h/x"}, "https"),
    "a home where nothing can be written": ({"OPS_HOME": "/proc/self/fd"}, "Nothing can be written in"),
}
