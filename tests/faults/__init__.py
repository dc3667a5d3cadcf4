"""What a live session makes of every fault that a wire can have."""
