"""Finds in packages and layers what AWS would find later, each with its remedy. Nothing is run or unpacked."""
