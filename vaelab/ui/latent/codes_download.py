"""The codes behind the map as a file: of every point, or of those inside the lasso."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.analysis import latents, projections
from vaelab.analysis.latents import Query
from vaelab.ui.latent.chosen import Choice
from vaelab.ui.latent.map_panel import View
from vaelab.ui.text import t
from vaelab.workers import tsne_worker

MIME = {"csv": "text/csv", "npz": "application/octet-stream", "parquet": "application/vnd.apache.parquet"}


def codes_download(wanted: Query, view: View, chosen: Choice) -> None:
    """A button for all points, and one for the selection where there is one; the file is made when it is asked for."""
    from vaelab.export import codes

    known = latents.codes(wanted)
    with st.popover(t("latent.codes_download"), icon=":material/download:"):
        st.caption(t("latent.codes_download_help"))
        form: codes.Format = st.segmented_control(
            t("latent.codes_format"),
            list(get_args(codes.Format)),
            default="csv",
            required=True,
            key="latent_codes_format",
            format_func=lambda name: t(f"latent.codes_{name}"),
            help=t("latent.codes_format_help"),
        )
        if view.projection == "tsne" and places(wanted, view) is None:
            st.caption(t("latent.codes_no_tsne"))
        inside = np.array(chosen.rows, dtype=np.int64)
        inside = inside[inside < len(known)]
        for name, rows in (("all", None), ("selection", inside if chosen.kind == "lasso" and len(inside) else None)):
            if name == "selection" and rows is None:
                continue
            st.download_button(
                t(f"latent.codes_{name}", n=f"{len(known) if rows is None else len(rows):,}"),
                # made in a thread of Streamlit's own: everything is bound here
                lambda rows=rows: codes.as_bytes(codes.of_map(known, places(wanted, view), rows), form),  # type: ignore[misc]
                f"{wanted.run.name}-codes{'' if rows is None else '-selection'}.{form}",
                MIME[form],
                key=f"latent_codes_{name}",
                icon=":material/download:",
                on_click="ignore",
            )


def places(wanted: Query, view: View) -> NDArray[Any] | None:
    """Where the points of the map are, (N, 2 or 3); None while there is no t-SNE map yet."""
    if view.projection == "tsne":
        return tsne_worker.points(wanted.file_name)
    mu = latents.codes(wanted).mu
    if view.projection == "dims":
        return mu[:, list(view.dims)]
    return projections.pca(mu, 3 if view.solid else 2).points
