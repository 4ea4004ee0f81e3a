"""A generator whose columns are drawn one after another, each told of those before it."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.spaces import Space
from medsynai.learn.nets.coder import Decoder
from medsynai.learn.nets.player import Board, Hot


class TiedGenerator(nn.Module):
    """Noise to one-hot rows through a decoder whose columns are tied (see `Decoder`).

    Codes are drawn hard. Their gradient, towards the critic and towards the columns that are told
    of them, is exact to the second order of what the draw changes (ReinMax; Liu et al. 2023,
    Bridging discrete and backpropagation: straight-through and beyond, algorithm 2).

    Attributes:
        latent: standard normal numbers that a row is made of; the noise beyond draws its codes.
    """

    def __init__(self, space: Space, decoder: Decoder, latent: int) -> None:
        super().__init__()
        self.board, self.decoder, self.latent = Board(space), decoder, latent

    def walk(self, noise: Float[Tensor, "batch noise"]) -> tuple[Hot, Hot]:
        """Chances of every code given the codes before it, and the codes drawn; (B, cells) each."""
        decoder, sizes = self.decoder, list(self.board.cells.sizes)
        outs, bias = decoder.open(noise[:, : self.latent])
        told = torch.zeros(()) if bias is None else bias
        u = torch.special.ndtr(noise[:, self.latent : self.latent + len(sizes)])
        heads, bases, codes = (
            torch.split(part, sizes)
            for part in (decoder.heads.weight, decoder.heads.bias, decoder.codes.weight)
        )
        chances, drawn = [], []
        for column, own in enumerate(torch.split(outs, sizes, dim=1)):
            state = nn.functional.silu(told + decoder.places.weight[column])
            scores = own + nn.functional.linear(state, heads[column], bases[column])
            chance = torch.softmax(scores, dim=1)
            code = drawn_at(u[:, column, None], scores, chance)
            told = told + code @ codes[column]
            chances.append(chance)
            drawn.append(code)
        return torch.cat(chances, dim=1), torch.cat(drawn, dim=1)

    def forward(self, noise: Tensor, condition: Tensor) -> Hot:
        """(B, cells) rows; see `medsynai.learn.losses.adversarial`."""
        return self.walk(noise)[1]


def drawn_at(
    u: Float[Tensor, "batch 1"], scores: Float[Tensor, "batch size"], chance: Tensor
) -> Float[Tensor, "batch size"]:
    """One-hot codes at the quantiles u of the chances, with the gradient of ReinMax."""
    with torch.no_grad():
        place = (chance.cumsum(1)[:, :-1] < u).sum(1, keepdim=True)
        hard = torch.zeros_like(chance).scatter_(1, place, 1.0)
        shift = ((hard + chance) / 2).clamp_min(TINY).log() - scores
    if not scores.requires_grad:
        return hard
    way = 2 * torch.softmax(scores + shift, dim=1) - chance / 2
    return hard + way - way.detach()


TINY = 1e-20
