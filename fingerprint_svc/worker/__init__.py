"""What runs in a worker process: decoding and analysis of one piece of audio at a time.

Everything here meets hostile bytes. It imports neither gRPC nor the mesh, opens no address and no
named file, and may be killed at any moment.
"""
