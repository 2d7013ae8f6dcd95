"""The shipped vectors that this project made itself: programs that compute them without the library.

``python -m tests.vectors.generate`` writes them, with ``--check`` it fails where a file is not what it would write.
"""
