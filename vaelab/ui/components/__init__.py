"""What runs in the browser: a folder a widget with its Python, JavaScript and style sheet together, shared/ for what they share.

May import what the whole of ui may; carrier.py names the addresses, routes.py answers them.
"""
