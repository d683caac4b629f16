"""What is trained next: searches, audits and promotions."""
