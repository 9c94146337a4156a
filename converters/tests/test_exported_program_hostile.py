"""A .pt2 file from a stranger runs nothing: each way in which PyTorch would run its text is refused with a sentence."""

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgequant_converters import SourceError
from edgequant_converters._quiet import quiet
from edgequant_converters.sources import from_exported_program
from edgequant_converters.sources._pt2_archive import write_checked_archive
from edgequant_converters.sources._pt2_program import RefusedError, checked_document
from edgequant_converters.sources._symbolic import is_arithmetic

pytestmark = pytest.mark.torch_export

torch = pytest.importorskip("torch")

MODEL = "models/model.json"
CONSTANTS = "data/constants/model_constants_config.json"


class Shapes(torch.nn.Module):
    """Shape arithmetic of every kind that torch.export writes into expressions."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = torch.ones(3)

    def forward(self, x: Any, y: Any, *, metadata: Any) -> Any:
        rows, columns = x.shape
        halves = torch.nn.functional.interpolate(x[None, None], size=((rows + 3) // 2, max(columns, rows) // 3 + 1))
        padded = torch.nn.functional.pad(x, (0, rows % 4, columns % 3, 2 * rows - 1))
        windows = x.unfold(0, 2, 2).reshape(-1, 2)[: min(rows, 7)]
        scaled = torch.zeros(int(rows * 1.5) + 1) + rows / columns
        nonzero = y[y > 0]  # a size that depends on the data: u0
        return {"a/b": halves, "out": [padded, windows, scaled], "last": (nonzero.sum(), metadata + self.offset)}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pt2") / "net.pt2"
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with quiet():
        program = torch.export.export(
            Shapes().eval(),
            (torch.randn(9, 7), torch.randn(5)),
            {"metadata": torch.randn(3)},
            dynamic_shapes={"x": free, "y": None, "metadata": None},
        )
        torch.export.save(program, path, extra_files={"notes.txt": "anything"})
    return path


def parts_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(saved: Path, path: Path, change: Callable[[dict[str, Any]], None], part: str = MODEL) -> Path:
    """Copy the file with `change` made to one of its JSON documents."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts_of(saved).items():
            if name.endswith(part):
                document = json.loads(content)
                change(document)
                content = json.dumps(document).encode()
            archive.writestr(name, content)
    return path


def everywhere(value: Any, key: str) -> list[dict[str, Any]]:
    """Return every dictionary that has the key."""
    found = [value] if isinstance(value, dict) and key in value else []
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return found + [inner for child in children for inner in everywhere(child, key)]


def test_odd_shape_arithmetic_loads(saved: Path) -> None:
    texts = {entry["expr_str"] for entry in everywhere(json.loads(parts_of(saved)["net/" + MODEL]), "expr_str")}
    assert len(texts) > 8
    for function in ("FloorDiv", "Max", "Mod", "u0"):
        assert any(function in text for text in texts), (function, texts)
    with quiet():
        source = from_exported_program(saved)
    assert source.description == "net.pt2 (torch exported program)"


# PyTorch alone runs the expression, the structure and the enumeration as it reads the file; it looks the operator up by
# its name, and makes Python code of the other names.
def expression(code: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for entry in everywhere(document, "expr_str"):
            entry["expr_str"] = f"{code} or Symbol('s77')"

    return change


def operator(code: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        nodes = document["graph_module"]["graph"]["nodes"]
        argument = {"name": "", "kind": 1, "arg": {"as_string": code}}
        nodes.insert(0, {"target": "torch.os.system", "inputs": [argument], "outputs": [], "metadata": {}, "name": "n"})

    return change


def name(code: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        graph = document["graph_module"]["graph"]
        old = graph["nodes"][-1]["name"]
        text = json.dumps(document).replace(f'"{old}"', json.dumps(f"{old} = None\n    {code}\n    {old}"))
        document.update(json.loads(text))

    return change


def argument_name(code: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        signature = document["graph_module"]["module_call_graph"][0]["signature"]
        signature["forward_arg_names"] = ["x", "y", f"metadata={code}"]

    return change


def structure(module: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        signature = document["graph_module"]["module_call_graph"][0]["signature"]
        factory = {"default_factory_module": module, "default_factory_name": "x", "dict_context": []}
        tree = {"type": "collections.defaultdict", "context": factory, "children_spec": []}
        signature["out_spec"] = json.dumps([1, tree])

    return change


def enumeration(module: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        signature = document["graph_module"]["module_call_graph"][0]["signature"]
        context = json.dumps([{"__enum__": True, "fqn": f"{module}:x", "name": "x"}])
        tree = {"type": "builtins.dict", "context": context, "children_spec": []}
        signature["out_spec"] = json.dumps([1, tree])

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (expression("__import__('os').system('touch attacked')"), 'the shape expression "__import__'),
        (operator("touch attacked"), r"the operator 'torch\.os\.system'"),
        (name("__import__('os').system('touch attacked')"), "the name "),
        (argument_name("__import__('os').system('touch attacked')"), "the name .metadata="),
        (structure("attack"), r"a defaultdict of 'attack\.x'"),
        (enumeration("attack"), "keys that are no plain values"),
    ],
)
def test_text_is_not_run(
    change: Callable[[dict[str, Any]], None], told: str, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("attack.py").write_text("open('attacked', 'w')\n")
    path = rewritten(saved, tmp_path / "net.pt2", change)
    with pytest.raises(SourceError, match=rf"^net\.pt2 is not read, since it holds {told}.*: save it again"):
        from_exported_program(path)
    assert not Path("attacked").exists()


class Attack:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return open, ("attacked", "w")


def test_pickled_objects_beside_the_constants(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def change(document: dict[str, Any]) -> None:
        entry = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}
        document["config"]["offset"] = entry

    path = rewritten(saved, tmp_path / "net.pt2", change, CONSTANTS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("net/data/constants/opaque_obj_0", pickle.dumps(Attack()))
    with pytest.raises(SourceError, match="the file of a custom object 'opaque_obj_0'"):
        from_exported_program(path)
    assert not Path("attacked").exists()


@pytest.mark.parametrize("kind", ["compressed", "two of one name", "two but for case", "overlapping", "compiled"])
def test_archives_that_torch_never_writes(kind: str, saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    parts = parts_of(saved)
    if kind == "compiled":
        parts = {name.replace(MODEL, "data/aotinductor/model/m.so"): content for name, content in parts.items()}
    method = zipfile.ZIP_DEFLATED if kind == "compressed" else zipfile.ZIP_STORED
    with quiet(), zipfile.ZipFile(path, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        if kind.startswith("two"):
            twice = "net/" + (MODEL if kind == "two of one name" else MODEL.upper())
            archive.writestr(twice, b"{}")
        if kind == "overlapping":
            first = archive.infolist()[0]
            for number in range(1000):
                again = zipfile.ZipInfo(f"net/{number}")
                again.header_offset, again.CRC = first.header_offset, first.CRC
                again.file_size = again.compress_size = 10**6
                archive.filelist.append(again)
    told = {"compressed": "compressed", "overlapping": "parts that overlap", "compiled": "compiled code"}
    with pytest.raises(SourceError, match=told.get(kind, "two parts of one name")):
        from_exported_program(path)


def test_a_tensor_without_bytes_is_not_filled(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts_of(saved).items():
            archive.writestr(name, b"" if name.endswith("tensor_0") else content)
    with pytest.raises(SourceError, match="damaged"):
        from_exported_program(path)


@pytest.mark.parametrize(
    "text",
    [
        "s0", "2*s77 + 1", "(s0 + 3)//2", "Max(1, s0) % 4", "u0 >= 0", "-1*s0**2", "True", "s0/2 - 1.5",
        "Symbol('s77', positive=True, integer=True)", "Add(Integer(1), Mul(Integer(2), Symbol('s0', integer=True)))",
        "FloorDiv(Symbol('s0', integer=True), Integer(2))", "Pow(Symbol('s0', integer=True), Integer(-1))",
        "Equality(Mod(Symbol('u0'), Integer(4)), Integer(0))", "Float('1.5', precision=53)", "Rational(1, 2)",
        "And(s0 > 1, Or(s1 < 5, Not(s2 == 3)))", "((s0 > 1) | (s1 < 4)) & ~(s0 < 9)", "PowByNatural(2, s0)",
    ],
)  # fmt: skip
def test_arithmetic(text: str) -> None:
    assert is_arithmetic(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "import os", "s0.args", "().__class__", "s0[0]", "open('x')", "Symbol('__import__')", "Symbol(s0)",
        "lambda: 1", "[s0]", "{s0}", "s0 if s0 else 1", "S('open(1)')", "sympify('1')", "eval('1')", "x := 1", "f's0'",
        "s0\n", "s0 # note", "'s0'", "Symbol('s0', cls=open)", "Symbol('s0', **{})", "Add(*s0)", "os", "pi",
        "2**s0**s1", "9**9**9**9", "9**99999999", "Pow(9, Pow(9, 9))", "LShift(1, 999999999999)",
        "PowByNatural(2, 10000000000)",
        "9" * 40, "1+" * 9000 + "1", "(" * 300 + "s0" + ")" * 300, 7, None, b"s0", "Float('os', precision=1)",
    ],
)  # fmt: skip
def test_no_arithmetic(text: Any) -> None:
    assert not is_arithmetic(text)


def takes_a_file(argument: Any) -> bool:
    return str(argument.type) == "str" and argument.name in ("filename", "file", "path", "url")


def test_no_operator_of_torch_that_takes_a_file_is_let_through() -> None:
    schemas = torch._C._jit_get_all_schemas()
    named = [s.name.split("::") for s in schemas if any(takes_a_file(argument) for argument in s.arguments)]
    targets = [f"torch.ops.{namespace}.{operator}.default" for namespace, operator in named]
    assert "torch.ops.aten.from_file.default" in targets
    for target in targets:
        with pytest.raises(RefusedError, match="the operator"):
            checked_document(json.dumps({"target": target}).encode())


@pytest.mark.parametrize(
    "stack",
    [
        "L__self__,,__main__.Net",
        "L__self__,,test.net.<locals>.Net;L__self__a.x/y,a.x/y@1,torch.nn.modules.linear.Linear",
        "L['self'],,torch.nn.Sequential;140648564142672,0,torch.nn.modules.conv.Conv2d",
    ],
)
def test_the_modules_of_a_node_are_kept(stack: str) -> None:
    metadata = {"nn_module_stack": stack, "source_fn_stack": "a,torch.os.system", "torch_fn": "a", "custom": "{}"}
    assert checked_document(json.dumps({"metadata": metadata}).encode()) == {"metadata": {"nn_module_stack": stack}}


@pytest.mark.parametrize(
    "stack",
    ["", "a", "a,b", "a,b,c,d", "a,b,c()", "a,b,c;", "a],b,c", "a[,b,c", "a,b\nimport os,c", 'a,b,"c"', "a,b,c d"],
)
def test_other_text_about_the_modules_is_left_out(stack: str) -> None:
    assert checked_document(json.dumps({"metadata": {"nn_module_stack": stack}}).encode()) == {"metadata": {}}


def test_a_loaded_program_knows_the_modules_of_its_values(saved: Path, tmp_path: Path) -> None:
    checked = tmp_path / "checked.pt2"
    write_checked_archive(saved, checked)
    with quiet():
        program = torch.export.load(checked)
    stacks = [node.meta["nn_module_stack"] for node in program.graph.nodes if node.op == "call_function"]
    classes = {name for stack in stacks for _, name in stack.values()}
    assert f"{__name__}.Shapes" in classes
