//! Bank knows customers, their accounts and their pages; it reaches the centre only through banklink.
