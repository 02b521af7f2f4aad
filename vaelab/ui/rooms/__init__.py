"""Following the teacher: a room holds what the teacher's page shows, and the pages of who joined it show the same.

May import what the whole of ui may.
"""
