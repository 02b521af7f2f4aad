"""The methods: one file each, what a code is, its loss terms, its prior and its settings. torch only inside functions.

May import config and the rest of models.
"""
