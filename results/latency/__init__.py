"""Measures what operators cost in ONNX Runtime on this device: the tables that
``search_space.latency`` predicts from. Needs neither torch nor a trained network.
"""
