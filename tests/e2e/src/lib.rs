//! E2e knows how to start the product, talk to it from outside and look at what it left; it does not know its insides.
