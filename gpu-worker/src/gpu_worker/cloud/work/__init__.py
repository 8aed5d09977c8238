"""What happens to claimed chunks and files."""
