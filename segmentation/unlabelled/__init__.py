"""Pictures that nobody has labelled: photos, archives of them, frames of videos; found, decoded once, sorted out."""
