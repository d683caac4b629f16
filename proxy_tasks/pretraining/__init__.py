"""Pretraining of a backbone: on classes of whole images, or on a teacher's features without labels.

What it ends with are weights of the backbone alone, which full trainings start from (see
proxy_tasks.start).
"""
