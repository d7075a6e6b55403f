"""The version files as data."""

import hashlib
import re

WORDS = ("head", "heads", "base")
LONGEST = 2000  # characters of what an exception says


def do_history(project, request):
    """Every version file as data, also where they do not fit together."""
    script = project.script
    found = [describe(one) for one in script._load_revisions()]
    problems = lost_parents(found)
    heads = []
    try:
        heads = list(script.get_heads())
        for _ in script.walk_revisions():
            pass
    except Exception as error:
        if not problems:  # a missing parent is a bare KeyError here
            problems.append(describe_error(error))
    return {"revisions": found, "heads": heads, "problems": problems + doubled(found) + misnamed(found)}


def lost_parents(found):
    """One sentence for each revision that names another one which no file has."""
    known = {one["revision"] for one in found}
    labels = {label for one in found for label in one["branch_labels"]}
    problems = []
    for one in found:
        lost = [("revises", name) for name in one["down_revisions"] if name not in known]
        lost += [("depends on", name) for name in one["depends_on"] if name not in known | labels]
        problems += ["%s %s %s, which no file has." % (one["path"], verb, name) for verb, name in lost]
    return problems


def doubled(found):
    """One sentence for each revision that two files have."""
    seen = {}
    problems = []
    for one in found:
        name = one["revision"]
        if name in seen:
            problems.append("Revision %s is in two files: %s and %s." % (name, seen[name], one["path"]))
        seen[name] = one["path"]
    return problems


def misnamed(found):
    """One sentence for each revision that nobody could ask for: Alembic takes its id for something else."""
    return [
        "%s has the id %r, which is a word of Alembic's or holds a character that no id may have."
        % (one["path"], one["revision"])
        for one in found
        if one["revision"] in WORDS or not re.match(r"[^\x00-\x20\x7f,:]+\Z", one["revision"])
    ]


def describe(script):
    """One version file as data."""
    from alembic.util import to_tuple

    module = script.module
    path = str(script.path)
    with open(path, "rb") as file:
        content = file.read()
    long_text = (getattr(module, "__doc__", None) or "").strip()
    created = re.search(r"^Create Date: (.+)$", long_text, re.MULTILINE)
    return {
        "revision": script.revision,
        "down_revisions": list(to_tuple(script.down_revision, default=())),
        "depends_on": list(to_tuple(getattr(module, "depends_on", None), default=())),
        "branch_labels": sorted(to_tuple(getattr(module, "branch_labels", None), default=())),
        "message": script.doc or "",
        "text": prose(long_text),
        "created": created.group(1).strip() if created else None,
        "path": path,
        "sha256": hashlib.sha256(content).hexdigest(),
        "can_upgrade": hasattr(module, "upgrade"),
        "can_downgrade": hasattr(module, "downgrade"),
    }


def prose(text):
    """A version file's docstring without the lines that Alembic's template puts there."""
    kept = [line for line in text.splitlines() if not re.match(r"(Revision ID|Revises|Create Date): ?", line)]
    return "\n".join(kept).strip()


def describe_error(error):
    """An exception in one text: its class, and what it says."""
    return ("%s: %s" % (type(error).__name__, words_of(error))).strip(": ")


def words_of(error):
    """What an exception says: not without end, and nothing where even saying it fails."""
    try:
        words = str(error).strip()
    except Exception:
        return ""
    return words if len(words) <= LONGEST else words[:LONGEST] + " …"
