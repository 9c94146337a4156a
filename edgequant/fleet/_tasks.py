"""One task on one board: what the modules of edgequant.board return."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgequant_device_checks import DeviceCheckError, summary
from edgequant_device_checks import recommend as recommend_for

from edgequant._bundle import open_bundle, read_head
from edgequant._deploy import deploy, list_releases, parse_path, remove, rollback, smoke_current
from edgequant._errors import EdgequantError
from edgequant._signing import Demand, Proof, signature_path
from edgequant._smoke import smoke as run_smoke

from ._choice import choose_bundle

if TYPE_CHECKING:
    from edgequant_device_checks import Device

    from edgequant._deploy import Deployment, Listing
    from edgequant._smoke import SmokeResult
    from edgequant._transports import Transport

State = Literal["deployed", "rolled_back", "absent"]
Document = dict[str, Any]


@dataclass(slots=True)
class _Task:
    """What is known so far of a task; `document` is what Ansible gets."""

    document: Document = field(default_factory=lambda: {"changed": False})

    @contextmanager
    def telling(self) -> Iterator[Document]:
        """Yield the document; an error of the board or the user ends in it."""
        try:
            yield self.document
        except (EdgequantError, DeviceCheckError) as error:
            self.document |= {"failed": True, "msg": str(error)}
        except OSError as error:
            self.document |= {"failed": True, "msg": f"{error.filename or 'This machine'}: {error.strerror or error}."}


def device_facts(transport: "Transport") -> Document:
    """Return what `edgequant check` knows of a board: what it is, and the format and engine for it."""
    task = _Task()
    with task.telling() as document:
        with transport:
            device = transport.device()
        found = summary(device, recommend_for(device))
        document |= {"ansible_facts": {"edgequant_board": found}, "msg": _titles(device)["title"]}
        document["device"] = _titles(device)
    return task.document


def release(
    transport: "Transport",
    *,
    path: str,
    bundles: Sequence[Path] = (),
    state: State = "deployed",
    demand: Demand | None = None,
    keep: int = 3,
    break_lock: bool = False,
    service: bool = False,
    python: str = "python3",
    timeout: float = 60,
    check: bool = False,
) -> Document:
    """See to it that a bundle is current in a folder of a board, or that it is not, or that nothing is there.

    `deployed`: the one of `bundles` that suits the board is current and passes its smoke test. `rolled_back`: if it is
    current, the release before it becomes so; without bundles, whatever is current goes back by one. `absent`: what
    edgequant put into the folder is gone. With `check`, nothing is changed: `changed` and `diff` tell what would be.
    `demand` is for signatures, and the other options are those of `edgequant deploy`.
    """
    task = _Task()
    with task.telling() as document, transport:
        folder = parse_path(path, transport.home())
        before = list_releases(transport, folder)
        was = {"current": before.current, "previous": before.previous}
        document |= {"path": str(folder), "before": was, **was}
        wanted = _choose(document, transport, bundles, demand) if bundles and state != "absent" else None
        is_current = wanted is not None and (before.current or "").startswith(wanted.id)
        if state == "deployed" and wanted is None:
            raise EdgequantError("Give the bundles to deploy.")
        if state == "rolled_back" and wanted is not None and not is_current:
            document["msg"] = f"Release {wanted.id} is not current: nothing was changed."
        elif check:
            _foretell(document, state, before, wanted, is_current=is_current)
        elif state == "absent":
            document["changed"] = bool(before.releases or before.current)
            if document["changed"]:
                remove(transport, folder, force_lock=break_lock)
            _tell(document, {"current": None, "previous": None}, f"Nothing is deployed to {folder}.")
        else:
            options: Document = {"force_lock": break_lock, "service": service, "python": python, "timeout": timeout}
            if wanted is None or state == "rolled_back":
                done = rollback(transport, folder, demand=demand, **options)
            else:
                proof = None if demand is None else Proof(demand, signature_path(wanted.path))
                with open_bundle(wanted.path, admit=wanted.admit) as bundle:
                    done = deploy(bundle, transport, folder, proof=proof, keep=keep, **options)
            _take(document, done)
    return task.document


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The bundle for a board, and the name of its release."""

    path: Path
    id: str
    admit: Callable[[str], None] | None


def _foretell(document: Document, state: State, before: "Listing", wanted: _Wanted | None, *, is_current: bool) -> None:
    """Tell what would be changed, by what is current alone."""
    after: dict[str, str | None] = {"current": None, "previous": None}
    if state == "absent":
        document["changed"] = bool(before.releases or before.current)
        _tell(document, after, f"Would remove {len(before.releases)} releases." if document["changed"] else "Absent.")
    elif state == "rolled_back":
        document["changed"] = before.previous is not None
        _tell(document, after | {"current": before.previous}, f"Would go back to {before.previous or 'nothing'}.")
    elif wanted is not None and is_current:
        document["msg"] = f"Release {wanted.id} is current already."
    elif wanted is not None:
        document["changed"] = True
        after = {"current": wanted.id, "previous": before.current}
        _tell(document, after, f"Would deploy release {wanted.id} ({wanted.path.name}).")


def _choose(document: Document, transport: "Transport", bundles: Sequence[Path], demand: Demand | None) -> _Wanted:
    device = transport.device()
    document["device"] = _titles(device)
    path = choose_bundle(bundles, device)
    admit = None if demand is None else demand.admit(signature_path(path), path.name)
    _, digest = read_head(path, admit)
    document |= {"bundle": path.name, "digest": digest, "release": digest[:16]}
    return _Wanted(path, digest[:16], admit)


def _take(document: Document, done: "Deployment") -> None:
    """Take over what a deployment did."""
    document |= {"changed": done.changed, "failed": not done.is_good, "signer": done.signer, "release": done.release}
    document |= {"warnings": done.warnings, "digest": done.digest, "latency_us": _latency(done.smoke)}
    document["service"] = None if done.service is None else done.service.to_dict()
    after = {"current": done.current, "previous": done.previous}
    _tell(document, after, " ".join(done.sentences))


def _tell(document: Document, after: Mapping[str, str | None], sentence: str) -> None:
    document |= {**after, "msg": sentence}
    if document["changed"]:
        document["diff"] = {"before": _yaml(document["before"]), "after": _yaml(after)}


def _yaml(state: Mapping[str, str | None]) -> str:
    return "".join(f"{name}: {state[name] or 'nothing'}\n" for name in ("current", "previous"))


def smoke(
    transport: "Transport",
    *,
    bundles: Sequence[Path] = (),
    path: str | None = None,
    command: Sequence[str] = (),
    threads: int | None = None,
    python: str = "python3",
    timeout: float = 60,
) -> Document:
    """Run the goldens of the bundle that suits a board, or those of what is current in the folder `path` there.

    Then run `command` there, which must end with 0 within `timeout` seconds. Nothing is changed.
    """
    task = _Task()
    with task.telling() as document, transport:
        document["device"] = _titles(transport.device())
        if path is not None:
            folder = parse_path(path, transport.home())
            result = smoke_current(transport, folder, threads=threads, python=python, timeout=timeout)
        elif bundles:
            chosen = choose_bundle(bundles, transport.device())
            document["bundle"] = chosen.name
            with open_bundle(chosen) as bundle:
                options: Document = {"name": chosen.name, "threads": threads, "python": python, "timeout": timeout}
                result = run_smoke(bundle, transport, **options)
        else:
            raise EdgequantError("Give bundles to test, or the path of what is deployed.")
        _take_smoke(document, result)
        if command and not document["failed"]:
            done = transport.run(list(command), timeout=timeout)
            document["command"] = {"status": done.status, "stdout": done.text[-2000:], "complaint": done.complaint}
            if done.status:
                document |= {"failed": True, "msg": f"{command[0]} fails on the board: {done.complaint.rstrip('.')}."}
    return task.document


def _take_smoke(document: Document, result: "SmokeResult") -> None:
    document |= {"failed": result.exit_code != 0, "msg": " ".join(result.sentences), "verdict": result.verdict}
    document |= {
        "digest": result.digest,
        "latency_us": _latency(result.to_dict()),
        "release": (result.digest or "")[:16],
    }


def bench(
    transport: "Transport",
    *,
    models: Sequence[Path],
    engines: Sequence[str] = (),
    threads: Sequence[int] = (),
    seconds: float = 10,
    runner: Path | None = None,
    python: str = "python3",
) -> Document:
    """Time models on a board, as `edgequant bench --host` does; `bench` is its JSON."""
    from edgequant._bench import bench_on_board

    task = _Task()
    with task.telling() as document, transport:
        document["device"] = _titles(transport.device())
        report = bench_on_board(
            models, transport, engines=engines, threads=threads, seconds=seconds, runner=runner, python=python
        )
        fastest = min(result.median_us for result in report.results)
        document |= {"bench": report.to_dict(), "latency_us": round(fastest, 1)}
        document["msg"] = f"{len(report.results)} configurations; the fastest takes {fastest / 1000:,.2f} ms."
    return task.document


def _latency(smoke: Mapping[str, Any]) -> float | None:
    """Return the least median latency of a smoke test's JSON, in microseconds."""
    return min((found["median_us"] for found in smoke.get("latency", ())), default=None)


def _titles(device: "Device") -> Document:
    title = device.model or device.core_names or device.architecture
    return {"title": title, "architecture": device.architecture, "programs": device.programs, "os": device.os}
