//! Banklink knows how a participant talks to the centre's public door; it does not know the participant's books.
