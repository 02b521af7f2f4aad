"""The app: shell, text and widgets here, a folder a page, and the browser's own parts in components/.

May import everything but cli and the trainer; the only folder that imports streamlit.
"""
