"""An autoencoder whose code is a grid of entries from a codebook, with a prior that is learned over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vaelab.config.errors import ConfigError
from vaelab.models.methods.method import Method, MethodSetting, Term
from vaelab.models.registry import register
from vaelab.models.words import Words

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vaelab.config.settings import LossConfig
    from vaelab.models.codebook import Codebook, CodePrior
    from vaelab.models.latent_model import LatentModel
    from vaelab.models.model_config import ModelConfig
    from vaelab.models.posteriors import Posterior

PRIOR = {  # of CodePrior, under the names that a browser asks for
    "embedding": "embedding.weight",
    "fromCode": "walk.weight_ih_l0",
    "fromCodeBias": "walk.bias_ih_l0",
    "fromState": "walk.weight_hh_l0",
    "fromStateBias": "walk.bias_hh_l0",
    "out": "logits.weight",
    "outBias": "logits.bias",
}
SHOWN = 14  # entries on the page
START_IMAGES = 256  # whose vectors the codebook begins with


class VqVae(Method):
    """loss = recon + |sg(v) - e|^2 + c |v - sg(e)|^2 + beta (-log p(codes)).

    The posterior is a single grid of codes, so that -log p(codes) is its KL from the prior.
    """

    name = "vq-vae"
    words = Words(
        "VQ-VAE",
        "Encodes an image as a grid of code numbers from a learned codebook, and learns which codes follow which, so that new grids can be drawn.",
        "VQ-VAE",
        "把图像编码成一张编号网格，编号来自学出的码本；同时学习哪些编号接着哪些出现，从而采样新的网格。",
    )
    paper = "van den Oord, Vinyals & Kavukcuoglu 2017, Neural Discrete Representation Learning, equation 3"
    network = "code-grid"
    has_posterior = False
    kl_by_dimension = False
    standard_prior = False
    head_is_code = False
    settings = (
        MethodSetting(
            "codes",
            64,
            2,
            1024,
            Words(
                "Codes in the codebook",
                "How many entries there are to choose from: 2 to 1,024.",
                "码本大小",
                "可供选择的条目数：2 到 1024。",
            ),
        ),
        MethodSetting(
            "code_size",
            8,
            1,
            64,
            Words(
                "Numbers of a code",
                "How long an entry is: 1 to 64. The latent size must be a multiple of it; 8 is one place of the code grid.",
                "每个条目的长度",
                "一个条目由多少个数组成：1 到 64。潜变量维数必须是它的倍数；8 对应编码网格的一格。",
            ),
        ),
        MethodSetting(
            "commitment",
            0.25,
            0.0,
            100.0,
            Words(
                "Commitment",
                "How strongly the encoder is held to the entries: 0 to 100. 0.25 is the paper's.",
                "承诺损失的权重",
                "编码器被拉向条目的力度：0 到 100。论文取 0.25。",
            ),
        ),
    )
    curves = {  # noqa: RUF012
        "quantisation": Words(
            "Codebook distance",
            "Squared distance between what the encoder says and the entries that stand for it, summed over the image, as the loss counts it. Squared latent units.",
            "与码本的距离",
            "编码器的输出与所用条目之间的平方距离，按图像求和，即损失中的值。单位：潜变量单位的平方。",
        ),
        "perplexity": Words(
            "Perplexity of the codes",
            "How many codes a batch uses as if all were used alike: exp of the entropy of their use, 1 to the size of the codebook.",
            "编码的困惑度",
            "一批图像相当于均匀使用了多少个编码：使用频率的熵取指数，从 1 到码本大小。",
        ),
    }
    curve_roles = {"quantisation": "z", "perplexity": "z"}  # noqa: RUF012
    pictures = {  # noqa: RUF012
        "codebook": Words(
            "Codebook",
            "What the decoder draws when one entry stands at every place: the first entries.",
            "码本",
            "所有位置都放同一个条目时解码器画出的图像：最前面的几个条目。",
        ),
    }

    def check(self, cfg: ModelConfig) -> None:
        """The code must divide into entries."""
        size = int(cfg.value("code_size"))
        if cfg.latent_dim % size:
            raise ConfigError(
                f"model.settings.code_size must divide the latent size, {cfg.latent_dim}, got {size} (8 suits the network code-grid)"
            )

    def extras(self, model: LatentModel) -> dict[str, nn.Module]:
        """codebook.entries (K, D), codebook.use (K,); code_prior: the network over codes."""
        from vaelab.models.codebook import Codebook, CodePrior

        codes = int(model.cfg.value("codes"))
        return {"codebook": Codebook(codes, int(model.cfg.value("code_size"))), "code_prior": CodePrior(codes)}

    def begin(self, model: LatentModel, x: Tensor, images: int) -> None:
        """The codebook begins with what the encoder says of training images."""
        if not model.cfg.classes:
            part = x[:: max(1, len(x) // START_IMAGES)]
            book = _codebook(model)
            book.start_at(book.vectors(model.head(model.features(part).flatten(1))))

    def posterior(self, model: LatentModel, h: Tensor) -> Posterior:
        """The nearest entries."""
        from vaelab.models.codebook import QuantisedPosterior

        book = _codebook(model)
        return QuantisedPosterior(book.vectors(h), book)

    def code_and_kl(self, model: LatentModel, q: Posterior, eps: Tensor | None) -> tuple[Tensor, Tensor]:
        """The entries, and -log p(codes), (B, 1) nats."""
        from vaelab.models.codebook import QuantisedPosterior

        assert isinstance(q, QuantisedPosterior)
        return q.mean, _code_prior(model)(q.codes)[:, None]

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The autoencoder's; -log p(codes) as the KL term; "quantisation"; "perplexity" of the batch, the same for each image."""
        import torch

        from vaelab.models.codebook import QuantisedPosterior
        from vaelab.models.whole_batch import whole

        q = model.encode(x, y)
        assert isinstance(q, QuantisedPosterior)
        z, kl = self.code_and_kl(model, q, None)
        entries, vectors = q.entries, q.vectors
        learn = (vectors.detach() - entries).square() + float(model.cfg.value("commitment")) * (
            vectors - entries.detach()
        ).square()
        codes = whole(q.codes)
        share = torch.bincount(codes.flatten(), minlength=len(q.codebook.use)).to(x.dtype) / codes.numel()
        perplexity = torch.exp(-torch.special.xlogy(share, share).sum())
        return {
            "recon": self.recon(model, model.decode_logits(z, y), x, cfg),
            "kl_per_dim": kl,
            "quantisation": learn.flatten(1).sum(dim=1),
            "perplexity": perplexity.expand(len(x)),
            "codes": codes,
            "vectors": vectors.detach(),
        }

    def combine(self, cfg: ModelConfig, terms: Mapping[str, Term], beta: float) -> Term:
        """recon + quantisation + beta (-log p(codes))."""
        return terms["recon"] + beta * terms["kl"] + terms["quantisation"]

    def after_step(self, model: LatentModel, terms: dict[str, Tensor]) -> None:
        """Which codes were used; those that are not any more begin anew."""
        from vaelab.models.whole_batch import whole

        _codebook(model).count(terms["codes"], whole(terms["vectors"]))

    def codes_of_noise(self, model: LatentModel, eps: Tensor, temperature: float = 1.0) -> Tensor:
        """Grids drawn code by code, (N, Z): a number of the noise decides each place."""
        import torch

        from vaelab.models.layer_modules import look_up

        book = _codebook(model)
        places = eps.shape[1] // book.entries.shape[1]
        codes = _code_prior(model).draw(torch.special.ndtr(eps[:, :places]), temperature)
        return look_up(codes, book.entries.detach()).flatten(1)

    def nearest_code(self, model: LatentModel, z: Tensor) -> Tensor:
        """The nearest entry at each place."""
        from vaelab.models.codebook import QuantisedPosterior

        book = _codebook(model)
        return QuantisedPosterior(book.vectors(z), book).mean

    def codebook(self, tensors: Mapping[str, Any]) -> Any | None:
        """The entries; a snapshot of a training holds none."""
        return tensors.get("codebook.entries")

    def code_prior(self, tensors: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Embedding, recurrent weights (reset, update, new) and logits; a snapshot of a training holds none."""
        found = {name: tensors.get(f"code_prior.{key}") for name, key in PRIOR.items()}
        return None if any(value is None for value in found.values()) else found

    def shown(self, model: LatentModel) -> dict[str, Tensor]:
        """The first entries, each at every place."""
        book = _codebook(model)
        entries = book.entries.detach()[:SHOWN]
        places = model.cfg.latent_dim // entries.shape[1]
        y = model.code_mean.new_zeros(len(entries)).long() if model.cfg.classes else None
        return {"codebook": model.decode(book.flat(entries[:, None].expand(-1, places, -1)), y)}


def _codebook(model: LatentModel) -> Codebook:
    from vaelab.models.codebook import Codebook

    book = model.get_submodule("codebook")
    assert isinstance(book, Codebook)
    return book


def _code_prior(model: LatentModel) -> CodePrior:
    from vaelab.models.codebook import CodePrior

    prior = model.get_submodule("code_prior")
    assert isinstance(prior, CodePrior)
    return prior


register(VqVae())
