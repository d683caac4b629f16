"""Networks at work: opened from a run or an export, shown images, drawn."""
