"""`edgequant bundle`: a model with all that runs it on a board, in one file; and the check of such a file."""

import platform
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgequant._errors import EdgequantError

from ._images import ImagesOption, parse_images
from ._input_shapes import InputShapeOption, parse_input_shapes
from ._output import print_json, print_result, print_status
from ._progress import step_progress
from ._signatures import AllowedSignersOption, RevokedOption, SignatureOption, SignerOption, demand_of
from ._tables import print_facts

if TYPE_CHECKING:
    from edgequant._bundle import BundleSummary, Manifest, Service
    from edgequant._signing import Demand

EXAMPLE = """
**Examples**

`edgequant bundle kws_int8.tflite --target rpi4 -o kws.tar.gz --data samples.npy`

`edgequant bundle pets.tflite --target rpi4 -o pets.tar.gz --task task.json --frames 640x480:yuv420 --service
"rpicam-vid -t 0 -n --width 640 --height 480 --codec yuv420 -o -"`

`edgequant bundle verify kws.tar.gz --allowed-signers allowed_signers`

Exit code of verify: 0: it is sound; 1: it is damaged, or not signed as was asked; 2: it could not be read.
(A model named verify is ./verify.)
"""

DAMAGED = 1
VERIFY = "verify"


def bundle(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL | verify FILE", help="A .tflite or .onnx model; or the word verify and a bundle."
        ),
    ],
    target: Annotated[
        str | None, typer.Option(metavar="T", help="What it is for, as rpi4: 'edgequant targets' lists them.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="The .tar.gz to write.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Real samples for goldens: .npy, .npz, an image or a folder of images; random if absent."),
    ] = None,
    images: ImagesOption = None,
    goldens: Annotated[int, typer.Option(help="Samples to take, or random inputs to make; extremes come on top.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the random inputs.")] = 0,
    engine: Annotated[
        str,
        typer.Option(help="native (a program), litert or onnxruntime (wheels); auto: native if it suits the model."),
    ] = "auto",
    os: Annotated[
        str, typer.Option(help="Release of Raspberry Pi OS or Debian for wheels: trixie or bookworm.")
    ] = "trixie",
    assume_features: Annotated[
        bool, typer.Option("--assume-features", help="Build the program for the target's own CPU and for no older one.")
    ] = False,
    input_shape: InputShapeOption = None,
    source: Annotated[
        Path | None, typer.Option(help="What the model was converted from; its SHA-256 goes into the manifest.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What 'edgequant convert --json' printed, for the manifest.")
    ] = None,
    task: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The task.json that goes with the model; completed from it.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of the classes, one a line; makes a task by itself.")
    ] = None,
    example: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A picture, WAV or CSV file whose answer the bundle shows and checks."),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND", help="What writes frames, sound or lines on the board, for 'edgequant deploy --service'."
        ),
    ] = None,
    frames: Annotated[
        str | None, typer.Option(metavar="WxH:FORMAT", help="With --service: what pictures it writes: 640x480:yuv420.")
    ] = None,
    answers: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="With --service: what reads the answers; the journal if absent."),
    ] = None,
    every: Annotated[
        int, typer.Option(metavar="S", help="With --service: it is started again if no answer comes for so long.")
    ] = 60,
    allowed_signers: AllowedSignersOption = None,
    signer: SignerOption = None,
    revoked: RevokedOption = None,
    signature: SignatureOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written, or found, as JSON.")] = False,
) -> None:
    """Put a model, the program that runs it on a board, and golden inputs and outputs into one file; or verify one."""
    if words[0] == VERIFY:
        given = (
            target, output, data, images, input_shape, source, report, task, labels, example, service, frames, answers,
        )  # fmt: skip
        path = _bundle_to_verify(words, any(option is not None for option in given))
        demand = None
        if any(option is not None for option in (allowed_signers, signer, revoked, signature)):
            demand = demand_of(allowed_signers, signer, revoked)
        _verify(path, demand, signature, as_json=as_json)
        return
    if any(option is not None for option in (allowed_signers, signer, revoked, signature)):
        raise EdgequantError(f"Signatures are checked by 'edgequant bundle {VERIFY}', and made by 'edgequant sign'.")
    if len(words) != 1:
        raise EdgequantError(f"Give one model, not {len(words)}: {shlex.join(words)}.")
    if target is None or output is None:
        missing = [option for option, given in (("--target", target), ("-o", output)) if given is None]
        raise EdgequantError(f"Say with {' and '.join(missing)} what it is for and which file to write.")
    from edgequant._bundle import write_bundle

    with step_progress() as progress:
        summary = write_bundle(
            words[0],
            target,
            output,
            samples=data,
            images=parse_images(images),
            goldens=goldens,
            seed=seed,
            engine=engine,
            os_release=os,
            assume_features=assume_features,
            input_shapes=parse_input_shapes(input_shape),
            source=source,
            report=report,
            task=task,
            labels=labels,
            example=example,
            service=_service(service, frames, answers, every),
            progress=progress,
        )
    for warning in summary.warnings:
        print_status(f"WARNING: {warning}", style="bold yellow")
    if as_json:
        print_json(summary.to_dict())
        return
    _print_summary(summary)


def _service(source: str | None, frames: str | None, answers: str | None, every: int) -> "Service | None":
    from edgequant._bundle import Service

    if source is None:
        if frames is not None or answers is not None:
            raise EdgequantError("--frames and --answers go with --service.")
        return None
    return Service(source, frames, answers, every)


def _bundle_to_verify(words: list[str], has_options: bool) -> Path:
    if len(words) != 2:
        raise EdgequantError(f"'edgequant bundle {VERIFY}' takes one bundle; a model of that name is ./{VERIFY}.")
    if has_options:
        raise EdgequantError(f"'edgequant bundle {VERIFY}' takes a bundle, --json and the options of signatures.")
    return Path(words[1])


def _verify(path: Path, demand: "Demand | None", signature: Path | None, *, as_json: bool) -> None:
    from edgequant._bundle import DamagedBundleError, open_bundle, summary_of
    from edgequant._signing import SignatureError, Signer, signature_path

    signers: list[Signer] = []

    def admit(digest: str) -> None:
        if demand is not None:
            signers.append(demand.check_here(signature or signature_path(path), digest, path.name))

    try:
        with step_progress() as progress, open_bundle(path, admit=admit, progress=progress) as opened:
            digest, manifest = opened.digest, opened.manifest
    except (DamagedBundleError, SignatureError) as error:
        if as_json:
            sound = None if isinstance(error, SignatureError) else False  # it was not looked at
            print_json({"path": str(path), "sound": sound, "problem": str(error)})
        print_status(f"error: {error}")
        raise typer.Exit(DAMAGED) from None
    if as_json:
        signed = asdict(signers[0]) if signers else None
        print_json({"path": str(path), "sound": True, "signer": signed, "digest": digest, **summary_of(manifest)})
        return
    by = [("signed by", str(signer)) for signer in signers]
    print_facts([("bundle", path.name), *_facts(manifest), ("digest", digest), *by])
    signed_too = " and its signature counts" if signers else ""
    print_result(f"Sound: every file is the one that was written{signed_too}.", style="bold green")


def _print_summary(summary: "BundleSummary") -> None:
    print_facts(
        [
            ("bundle", f"{summary.path}, {summary.bytes:,} bytes"),
            *_facts(summary.manifest),
            ("digest", summary.digest),
            ("try it", _next_command(summary)),
        ]
    )


def _facts(manifest: "Manifest") -> list[tuple[str, str]]:
    model, runner = manifest.model, manifest.runner
    kinds = list(dict.fromkeys(golden.kind for golden in manifest.goldens))
    facts = [
        ("target", manifest.target),
        ("model", f"{model.format or 'format not known'}, {manifest.file(model.path).bytes:,} bytes"),
        ("memory", f"about {model.memory_bytes / 2**20:,.1f} MiB to run it"),
        ("goldens", f"{len(manifest.goldens)}: {', '.join(kinds)}"),
    ]
    if runner is None:
        packages = ", ".join(f"{wheel.package} {wheel.version}" for wheel in manifest.wheels)
        return [*facts, ("runs with", f"{model.engine}, from wheels for {manifest.os}: {packages}")]
    needs = f"; needs {', '.join(runner.assumed_features)}" if runner.assumed_features else ""
    size = manifest.file(runner.path).bytes
    return [*facts, ("runs with", f"edgequant-run {runner.version} for {runner.family}, {size:,} bytes{needs}")]


def _next_command(summary: "BundleSummary") -> str:
    from edgequant._targets import find_target

    target = find_target(summary.manifest.target)
    if summary.manifest.runner is None:
        where = "--host USER@HOST"
    elif target.family.machine == platform.machine():
        where = "--local"
    else:
        where = f"--emulate {target.name}"
    return f"edgequant smoke {shlex.quote(str(summary.path))} {where}"
