"""One HTML file with all that it needs inside: one script, one sheet, texts; its policy forbids every connection and all other scripts."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from typing import Any

from vaelab import __version__
from vaelab.config.texts import say

MOST_BYTES = 5_000_000  # what can be mailed


def document(title: str, script: str, style: str, told: Mapping[str, Any], weights: Mapping[str, bytes]) -> str:
    """The file. told: JSON for the script, in the element "told"; weights: bundles, each in base64 in an element of its name."""
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}' 'wasm-unsafe-eval'; style-src '{_digest(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    bundles = "\n".join(
        f'<script type="text/plain" id="{escape(name, quote=True)}">{base64.b64encode(content).decode()}</script>'
        for name, content in weights.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="VAE Lab {__version__}">
<meta name="referrer" content="no-referrer">
<title>{escape(title)} · VAE Lab</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<noscript>{say("en", "file.no_script")}</noscript>
<main id="file" class="vaelab" data-theme="light"></main>
<script type="application/json" id="told">{data}</script>
{bundles}
<script>{script}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
