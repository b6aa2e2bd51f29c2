"""What makes a process a member of the mesh: runtime, proxy configuration, local launcher."""
