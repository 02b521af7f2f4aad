"""Densities on planes, and draws that a flow pushes over them step by step."""
