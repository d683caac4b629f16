"""How the procedural street scenes are drawn: a camera, what stands where, and light."""
