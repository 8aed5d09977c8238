"""Reports ended jobs to the addresses that clients name."""
