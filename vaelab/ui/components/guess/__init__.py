"""Lesson 3's ten rounds: guess z from x."""
