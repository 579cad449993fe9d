//! Bank knows customers, their accounts and their pages; it reaches the centre only through banklink.
pub mod books;
mod password;

pub use password::PasswordHash;
