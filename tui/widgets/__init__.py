"""What the screens are made of: widgets that draw values and tell facts."""
