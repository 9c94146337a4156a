"""edgequant: take a trained network to a Raspberry Pi-class ARM computer."""

__all__: list[str] = []
