//! Bank knows customers, their accounts and their pages; it reaches the centre only through banklink.
pub mod books;
mod hanzi;
pub mod names;
mod password;

pub use password::PasswordHash;
