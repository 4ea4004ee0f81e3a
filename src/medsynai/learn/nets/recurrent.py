"""Recurrent networks of series: gated units over steps, told the class at each of them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.framing import AnyFrame
from medsynai.codec.series import SeriesFrame
from medsynai.learn.nets.conv import Told
from medsynai.learn.nets.mlp import linear, mlp

TOLD = 8  # numbers that tell a class
LEAST = 1e-3  # half of the least range that a series is stretched to


def stepwise(rows: Float[Tensor, "b width"], channels: int) -> Float[Tensor, "b steps channels"]:
    """Rows, all steps of the first channel first, as steps."""
    return rows.reshape(len(rows), channels, -1).transpose(1, 2)


def flat(steps: Float[Tensor, "b steps channels"]) -> Float[Tensor, "b width"]:
    """The inverse of `stepwise`."""
    return steps.transpose(1, 2).flatten(1)


class Recurrent(nn.Module):
    """Gated recurrent units (Cho et al. 2014) and a linear layer on each of their states.

    Args:
        inputs, outputs: numbers a step.
        classes: how many there are.
        units, layers: of the recurrence.
    """

    def __init__(self, inputs: int, outputs: int, classes: int, units: int, layers: int) -> None:
        super().__init__()
        self.classes = Told(classes, TOLD)
        with torch.random.fork_rng(devices=[]):  # `initialise` gives the values
            self.units = nn.GRU(inputs + TOLD, units, layers, batch_first=True)
        self.last = linear(units, outputs)

    def forward(
        self, x: Float[Tensor, "b steps inputs"], asked: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b steps outputs"]:
        """What is said after each step."""
        told = self.classes(asked)[:, None].expand(-1, x.shape[1], -1)
        found: Tensor = self.last(self.units(torch.cat([x, told], 2))[0])
        return found


class InBatches(nn.Module):
    """A generator: each channel's middle and range first, then the steps, several at a time.

    Lin et al. 2020, Using GANs for sharing networked time series data (DoppelGANger), sections 4.1
    (batches of steps), 4.2 (each series normalised by itself) and 4.3 (attributes first).

    Args:
        frame: of the series.
        latent: numbers of noise of the attributes, and of each batch of steps.
        width: of the hidden layers, and units of the recurrence.
        batch: steps that one state of the recurrence gives.
    """

    def __init__(self, frame: AnyFrame, latent: int, width: int, batch: int) -> None:
        super().__init__()
        self.steps, self.channels = frame.space[0], frame.channels
        self.latent, self.blocks = latent, -(-self.steps // batch)
        self.classes = Told(len(frame.classes), TOLD)
        self.attributes = mlp(latent + TOLD, width, 2 * self.channels)
        inputs = latent + 2 * self.channels
        of_batch = batch * self.channels
        self.course = Recurrent(inputs, of_batch, len(frame.classes), width, 1)

    @property
    def noise(self) -> int:
        """Numbers of noise a series."""
        return self.latent * (1 + self.blocks)

    def forward(
        self, noise: Float[Tensor, "b n"], asked: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b width"]:
        """Rows of these classes."""
        first, later = noise[:, : self.latent], noise[:, self.latent : self.noise]
        said = self.attributes(torch.cat([first, self.classes(asked)], 1))
        middle, half = said[:, : self.channels], said[:, self.channels :].exp()
        z = later.reshape(len(noise), self.blocks, self.latent)
        known = said[:, None].expand(-1, self.blocks, -1)
        drawn = self.course(torch.cat([z, known], 2), asked)
        shape = drawn.reshape(len(noise), -1, self.channels)[:, : self.steps]
        even, _, _ = stretched(shape)
        return flat(middle[:, None] + half[:, None] * even)


def stretched(
    steps: Float[Tensor, "b steps channels"],
) -> tuple[Tensor, Float[Tensor, "b channels"], Float[Tensor, "b channels"]]:
    """Each channel of each series on [-1, 1], its middle, and half of its range."""
    low, high = steps.amin(1), steps.amax(1)
    middle, half = (high + low) / 2, ((high - low) / 2).clamp_min(LEAST)
    return (steps - middle[:, None]) / half[:, None], middle, half


class WithAttributes(nn.Module):
    """A critic of series stretched to [-1, 1] beside their middles and ranges, and one of these.

    The second is DoppelGANger's auxiliary discriminator (section 4.2): its score is added.
    """

    def __init__(self, frame: AnyFrame, width: int) -> None:
        super().__init__()
        self.channels, classes = frame.channels, len(frame.classes)
        self.classes = Told(classes, TOLD)
        attributes = 2 * self.channels + TOLD
        self.whole = mlp(frame.width + attributes, width, 1, 3)
        self.auxiliary = mlp(attributes, width, 1)

    def view(self, real: Float[Tensor, "b row"]) -> Float[Tensor, "b width"]:
        """The numbers of real rows, which end in the class."""
        return real[:, :-1]

    def forward(
        self, rows: Float[Tensor, "b width"], asked: Float[Tensor, "b 1"]
    ) -> Float[Tensor, " b"]:
        """(b,) scores."""
        even, middle, half = stretched(stepwise(rows, self.channels))
        known = torch.cat([middle, half.log(), self.classes(asked)], 1)
        both = self.whole(torch.cat([flat(even), known], 1)) + self.auxiliary(known)
        score: Tensor = both[:, 0]
        return score


class Embedder(nn.Module):
    """Rows to embedded steps, each number in (0, 1)."""

    def __init__(self, frame: AnyFrame, units: int, layers: int) -> None:
        super().__init__()
        self.channels = frame.channels
        self.course = Recurrent(frame.channels, units, len(frame.classes), units, layers)

    def forward(self, rows: Float[Tensor, "b width"], asked: Tensor) -> Tensor:
        """(b, steps, units)."""
        found: Tensor = self.course(stepwise(rows, self.channels), asked)
        return found.sigmoid()


class Recovery(nn.Module):
    """Embedded steps to rows, within the ends of each channel's scale."""

    low: Tensor
    high: Tensor

    def __init__(self, frame: SeriesFrame, units: int, layers: int) -> None:
        super().__init__()
        self.course = Recurrent(units, frame.channels, len(frame.classes), units, layers)
        for name, end in zip(("low", "high"), frame.ends, strict=True):
            self.register_buffer(name, torch.from_numpy(end), persistent=False)

    def forward(self, h: Float[Tensor, "b steps units"], asked: Tensor) -> Tensor:
        """(b, width)."""
        return flat(torch.lerp(self.low, self.high, self.course(h, asked).sigmoid()))


class Embedded(nn.Module):
    """Noise to embedded steps, or embedded steps to the next ones, each number in (0, 1)."""

    def __init__(self, frame: AnyFrame, inputs: int, units: int, layers: int) -> None:
        super().__init__()
        self.steps, self.inputs = frame.space[0], inputs
        self.course = Recurrent(inputs, units, len(frame.classes), units, layers)

    def forward(self, x: Tensor, asked: Tensor) -> Tensor:
        """(b, steps, units) of (b, steps * inputs) noise or (b, steps, inputs)."""
        found: Tensor = self.course(x.reshape(len(x), self.steps, self.inputs), asked)
        return found.sigmoid()


class Chain(nn.Module):
    """Noise to embedded steps, gone over by the supervisor, back to rows: how TimeGAN draws."""

    def __init__(self, frame: SeriesFrame, latent: int, units: int, layers: int) -> None:
        super().__init__()
        self.generator = Embedded(frame, latent, units, layers)
        self.supervisor = Embedded(frame, units, units, layers)
        self.recovery = Recovery(frame, units, layers)

    def forward(self, noise: Float[Tensor, "b n"], asked: Float[Tensor, "b 1"]) -> Tensor:
        """(b, width)."""
        found: Tensor = self.recovery(self.supervisor(self.generator(noise, asked), asked), asked)
        return found
