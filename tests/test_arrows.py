"""The map of the house: who may import whom. A new arrow is drawn here before it is used."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "placement"
PUBLIC = {"__init__", "version", "__version__"}
ARROWS = {
    "errors": "",
    "wording": "",
    "documents": "errors",
    "instance": "documents errors",
    "columns": "",
    "quantities": "columns instance",
    "solution": "documents errors instance quantities",
    "prices": "errors quantities",
    # The judge knows nothing of the judged.
    "aggregation": "instance prices quantities solution",
    "evaluation": "instance quantities solution",
    "filling": "quantities",
    "copying": "prices quantities",
    "items": "copying prices quantities",
    "replicas": "quantities",
    "sources": "copying prices quantities",
    "certificate": "copying filling instance items prices quantities replicas sources",
    "expansion": "errors instance quantities solution",
    # What the methods are made of; none of it asks the judge.
    "native": "errors",
    "compiled": "instance quantities",
    "program": "quantities",
    "model": "compiled program quantities",
    "engines": "errors program quantities",
    "simplex": "engines errors program quantities",
    "mincostflow": "errors quantities",
    "assembly": "compiled quantities solution",
    "decisions": "assembly model quantities solution",
    "result": "solution",
    "search": "compiled errors prices result solution",
    "methods": "assembly compiled decisions engines errors mincostflow model native prices "
    "program quantities search simplex solution",
    # On top.
    "explain": "compiled quantities solution",
    "solving": "aggregation certificate compiled engines errors evaluation explain instance "
    "methods native prices quantities result search solution",
    "distributed": "assembly compiled errors instance methods native prices quantities result "
    "search solution solving",
    "analysis": "assembly certificate compiled documents errors evaluation expansion explain "
    "instance methods prices quantities result solution solving wording",
    "reporting": "analysis certificate errors evaluation expansion instance prices quantities "
    "result solution wording",
    "generate": "errors instance",
    "formats": "errors generate instance mincostflow quantities",
    "cli": "analysis certificate distributed errors evaluation expansion formats generate instance "
    "native prices quantities reporting result solution solving wording",
}


def _imports(path):
    """Yield module and name of every import of this package; those for types alone are not run."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guards = [
        n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test)
    ]
    for_types = {inner for guard in guards for inner in ast.walk(guard)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node not in for_types:
            assert node.level == 0, f"{path} imports relatively"
            first, *rest = (node.module or "").split(".")
            if first == "placement":
                yield from ((".".join(rest) or alias.name, alias.name) for alias in node.names)


def test_every_import_follows_an_arrow():
    """A room of the house opens only to the rooms it needs."""
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room not in PUBLIC:
            allowed = {room, *ARROWS[room].split(), *PUBLIC}
            wrong = {module for module, _ in _imports(path) if module.split(".")[0] not in allowed}
            assert not wrong, f"{path.name} must not import {wrong}"


def test_nothing_private_is_imported():
    """What starts with an underscore stays in its module."""
    for path in PACKAGE.rglob("*.py"):
        names = {name for _, name in _imports(path) if not name.startswith("__")}
        assert not {name for name in names if name.startswith("_")}, path


def test_no_two_rooms_need_each_other():
    """Every arrow points up the list."""
    above = set()
    for room, allowed in ARROWS.items():
        assert above >= set(allowed.split()), room
        above.add(room)
