"""What the acceptance scripts that train share: MNIST, a network for it, and a training loop."""
