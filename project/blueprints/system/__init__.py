"""What the service says of itself: health, keys, API document."""
