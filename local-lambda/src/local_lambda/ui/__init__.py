"""The live page of `start --ui`: what runs, as it changes, in a browser on this machine."""
