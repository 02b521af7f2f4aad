"""The page Classroom, on a server with roles: who you are, who trains and who waits, what students may do.

May import what the whole of ui may.
"""
