"""Which tokens may come at a step, so that visits stand apart and hold what lies in them.

A visit does not begin while another goes on: its length, drawn as it begins, is not over so soon
after the last of what lies in it. Nor does it begin sooner after that than real ones do. And what
lies in a visit does not come before any began, nor later after the last of it than in real ones:
then a visit begins first.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from medsynai.codec.marks import Marks
from medsynai.codec.stays import Rooms

SOONER, HOMELESS = -60.0, -120.0  # log-odds of a visit while one goes on; of what has none


@dataclass
class Lodging:
    """Of patients on their way.

    Attributes:
        rooms: the laws.
        visit, lies: (tokens,) 1 for a visit; for what lies in one.
        least: by token, (codes,) ticks that a visit lasts at least behind the last of it.
        since: (n,) ticks since what lay in a visit last; infinite before any.
        open: (n,) ticks that the visit at hand lasts at least behind that.
    """

    rooms: Rooms
    visit: Tensor
    lies: Tensor
    least: dict[int, Tensor]
    since: Tensor
    open: Tensor

    @staticmethod
    def none(rooms: Rooms, lengths: Marks, n: int) -> "Lodging":
        """Before the first step."""
        least = {}
        for token, codec in zip(lengths.tokens.tolist(), lengths.codecs, strict=True):
            ticks = np.maximum(codec.edge(np.minimum, np.inf), 0)
            least[token] = torch.from_numpy(np.append(ticks, [0.0, 0.0]).astype(np.float32))
        visit, lies = (torch.from_numpy((rooms.roles == k).astype(np.float32)) for k in (2, 1))
        return Lodging(rooms, visit, lies, least, torch.full((n,), torch.inf), torch.zeros(n))

    def keep(self, n: int) -> None:
        """Only the first patients go on."""
        self.since, self.open = self.since[:n], self.open[:n]

    def barred(self, usually: Tensor, ticks: Tensor) -> Tensor:
        """(n, tokens) the log-odds, where a step comes so many ticks after the last."""
        if not self.visit.any():
            return usually
        self.since = self.since + ticks
        goes_on = (self.since < self.open) & self.rooms.apart
        soon = goes_on | (self.since < self.rooms.pause)
        late = (self.since > self.rooms.reach) | self.since.isinf()
        bars = HOMELESS * late[:, None] * self.lies
        return usually + bars + SOONER * soon[:, None] * self.visit

    def came(self, at: Tensor, token: int, length: Tensor, usually: tuple[Tensor, Tensor]) -> None:
        """A token came for these patients.

        Args:
            at: places of the patients.
            token: what came.
            length: (n,) the code of its length.
            usually: (patients, tokens) log-odds twice, barred and not; the first are changed for
                what comes later in the step.
        """
        role = int(self.rooms.roles[token])
        if not role or not self.visit.any():
            return
        self.since[at] = 0.0
        if role == 2:
            barred, free = usually
            no_other = SOONER * self.rooms.alone * self.visit
            barred[at] = free[at] + no_other
            ends = self.least.get(token)
            self.open[at] = 0.0 if ends is None else ends[length]
