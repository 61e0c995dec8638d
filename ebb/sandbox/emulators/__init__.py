"""AWS on 127.0.0.1: MiniStack and moto behind one address, every patch of them, simulated time, images and clean-up."""
