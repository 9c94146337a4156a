"""The activations that ONNX's recurrent layers may name."""

from collections.abc import Callable, Sequence

from edgequant_converters.ir import Builder, Tensor

from ._node import Node

Activation = Callable[[Builder, Tensor], Tensor]
"""Appends an activation."""

_WITH_NUMBERS: dict[str, tuple[float | None, float | None]] = {
    "affine": (1.0, 0.0), "elu": (1.0, None), "hardsigmoid": (0.2, 0.5), "leakyrelu": (0.01, None),
    "scaledtanh": (1.0, 1.0), "thresholdedrelu": (1.0, None),
}  # fmt: skip
"""The activations that take alpha, or alpha and beta, with ONNX's values for them."""

_PLAIN = {"sigmoid": "LOGISTIC", "tanh": "TANH", "relu": "RELU"}


def read_activations(node: Node, defaults: Sequence[str], directions: int) -> list[tuple[list[str], list[Activation]]]:
    """Return for each direction the names in lower case, and the functions; those get alpha and beta that take them."""
    names = [str(name).lower() for name in node.get("activations", list(defaults) * directions)]
    alphas, betas = list(node.get("activation_alpha", [])), list(node.get("activation_beta", []))
    functions = []
    for name in names:
        alpha, beta = _WITH_NUMBERS.get(name, (None, None))
        alpha = alphas.pop(0) if alpha is not None and alphas else alpha
        beta = betas.pop(0) if beta is not None and betas else beta
        if name not in _PLAIN and name not in _WITH_NUMBERS and name not in ("softsign", "softplus"):
            node.refuse(f"the activation {name}")
        functions.append(_function(name, alpha or 0.0, beta or 0.0))
    count = len(defaults)
    return [(names[d * count : (d + 1) * count], functions[d * count : (d + 1) * count]) for d in range(directions)]


def _function(name: str, alpha: float, beta: float) -> Activation:
    def apply(build: Builder, x: Tensor) -> Tensor:
        def number(value: float) -> Tensor:
            return build.like(value, x)

        match name:
            case "sigmoid" | "tanh" | "relu":
                return build.unary(_PLAIN[name], x)
            case "affine":
                return build.add(build.mul(x, number(alpha)), number(beta))
            case "elu":
                negative = build.sub(build.unary("EXP", build.binary("MINIMUM", x, number(0.0))), number(1.0))
                return build.add(build.unary("RELU", x), build.mul(negative, number(alpha)))
            case "hardsigmoid":
                return clipped(build, build.add(build.mul(x, number(alpha)), number(beta)), 0.0, 1.0)
            case "leakyrelu":
                return build.unary("LEAKY_RELU", x, alpha=alpha)
            case "scaledtanh":
                return build.mul(build.unary("TANH", build.mul(x, number(beta))), number(alpha))
            case "thresholdedrelu":
                return build.select(build.binary("GREATER", x, number(alpha)), x, number(0.0))
            case "softsign":
                return build.div(x, build.add(build.unary("ABS", x), number(1.0)))
            case _:  # softplus
                return build.unary("LOG", build.add(build.unary("EXP", x), number(1.0)))

    return apply


def clipped(build: Builder, x: Tensor, low: float, high: float) -> Tensor:
    """Append x limited to [low, high]."""
    return build.binary("MAXIMUM", build.binary("MINIMUM", x, build.like(high, x)), build.like(low, x))
