"""Classroom: who trains and who waits, what students may do, and the teacher's sign-in; on a server with roles alone."""

from vaelab.ui.classroom import classroom_page

classroom_page.page()
