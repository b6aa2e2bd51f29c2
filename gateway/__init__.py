"""RecognitionService: the public face of Sonica, composed of the other services.

It keeps nothing, analyses nothing and decides nothing: it fans out, splits deadlines, and passes
answers and typed errors on.
"""
