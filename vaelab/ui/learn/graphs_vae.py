"""Lesson 6: the VAE in plate notation; a press on a node shows the function that computes it."""

from __future__ import annotations

import streamlit as st

from vaelab.models.architecture import architecture
from vaelab.models.model_config import ModelConfig
from vaelab.ui import tags
from vaelab.ui.components.graph.graph_view import Edge, Node, Plate, graph
from vaelab.ui.components.presses import pressed
from vaelab.ui.learn.number_table import signed
from vaelab.ui.learn.one_face import one_face
from vaelab.ui.source import source_of
from vaelab.ui.text import t

# Node: sign, place, role, and the definition that computes it.
NODES = {
    "phi": ("φ", 52, 130, "encoder", ("models.latent_model", "LatentModel.encode")),
    "mu": ("μ", 190, 112, "mu", ("models.latent_model", "LatentModel.encode")),
    "sigma": ("σ", 190, 190, "sigma", ("models.posteriors", "GaussianPosterior.sigma")),
    "eps": ("ε", 220, 38, "eps", ("training.batches", "Noise.eps")),
    "z": ("z", 360, 62, "z", ("models.posteriors", "GaussianPosterior.sample")),
    "x": ("x", 360, 212, "total", ("models.losses", "bernoulli_recon")),
    "theta": ("θ", 588, 212, "decoder", ("models.latent_model", "LatentModel.decode_logits")),
    "prior": ("p(z)", 588, 62, "prior", ("models.latent_model", "LatentModel.sample_z")),
}
EDGES = (
    Edge("prior", "z", role="total"),
    Edge("z", "x", role="total"),
    Edge("theta", "x", role="total"),
    Edge("x", "mu", dashed=True, role="encoder"),
    Edge("x", "sigma", dashed=True, role="encoder"),
    Edge("phi", "mu", dashed=True, role="encoder"),
    Edge("phi", "sigma", dashed=True, role="encoder"),
    Edge("mu", "z", dashed=True, role="encoder"),
    Edge("sigma", "z", dashed=True, role="encoder"),
    Edge("eps", "z", dashed=True, role="encoder"),
)
BOXED = ("prior",)  # a distribution that is known, no variable: it is no circle
KEY = "graphs_graph_vae"
CODE_HEIGHT = 150
FIRST = 6  # numbers of a code that are shown
SENTENCE_HEIGHT = 66


def vae_view() -> None:
    """The graph, and the code of the chosen node."""
    state = st.session_state
    chosen = state.setdefault("graphs_node", "x")
    nodes = [
        Node(
            key,
            sign,
            x,
            y,
            name=t(f"learn_graphs.vae_{key}"),
            role=role,  # type: ignore[arg-type]
            shape="box" if key in BOXED else "circle",
            width=52,
            height=44,
            filled=key == "x",
            picked=key == chosen,
            tip=t(f"learn_graphs.vae_{key}"),
        )
        for key, (sign, x, y, role, _) in NODES.items()
    ]

    def press() -> None:
        state["graphs_node"] = [chosen, *pressed(KEY, list(NODES))][-1]

    plate = Plate(112, 6, 416, 244, t("learn_graphs.plate"))
    graph(KEY, nodes, EDGES, name=t("learn_graphs.graph_vae"), height=256, plates=(plate,), on_press=press)
    module, definition = NODES[chosen][4]
    with st.container(height=SENTENCE_HEIGHT, border=False):
        st.markdown(f"**{t(f'learn_graphs.vae_{chosen}')}** {t(f'learn_graphs.vae_{chosen}_text', **_sizes())}")
    st.html(tags.stage(_face(chosen), "through"))
    st.caption(f"vaelab.{module}.{definition}")
    st.code(source_of(module, definition), language="python", height=CODE_HEIGHT, wrap_lines=True)


def _face(node: str) -> str:
    """What the node is for the one face: its picture, its first numbers, or what is decoded from it."""
    face = one_face()
    numbers = {"mu": face.mu, "sigma": face.sigma, "eps": face.eps, "z": face.z}
    left = tags.img(face.x, "one", t("learn_graphs.face_x"))
    if node in numbers:
        shown = " ".join(signed(float(value)) for value in numbers[node][:FIRST])
        words = t("learn_graphs.face_numbers", sign=NODES[node][0], numbers=f"<span class=n>{shown} …</span>")
        return f"{left}<p>{words}</p>"
    right = tags.img(face.x_hat, "one out", t("learn_graphs.face_out"))
    if node in ("theta", "prior"):
        return f"{right}<p>{t('learn_graphs.face_out')}</p>"
    return f"{left}<p>{t('learn_graphs.face_x')}</p>"


def _sizes() -> dict[str, str]:
    """Figures of the lab's default model, out of its layers."""
    cfg = ModelConfig()
    layers = architecture(cfg)
    pixels = cfg.channels * cfg.image_size**2
    below = sum(layer.params for layer in (*layers.features, *layers.head))
    above = sum(layer.params for layer in layers.decoder)
    return {"pixels": f"{pixels:,}", "dims": str(cfg.latent_dim), "phi": f"{below:,}", "theta": f"{above:,}"}
