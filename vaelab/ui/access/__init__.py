"""Who may do what: one person's instrument, or with a teacher's password two roles. `rules.may` is the one question that all ask.

May import what the whole of ui may, but no page.
"""
