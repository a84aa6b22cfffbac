// SPDX-License-Identifier: GPL-2.0-or-later
//! Panics that pass through a probed function and are caught above it:
//!
//!     panicker [ROUNDS]
//!
//! Each third round panics.
use std::io::{self, BufRead, Read, Write};
use std::panic;

#[inline(never)]
#[no_mangle]
pub fn panic_through(round: u64) -> u64 {
    if round % 3 == 2 {
        panic!("each third");
    }
    round + 1
}

fn main() {
    let rounds: u64 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(999);
    let mut line = String::new();
    let (mut caught, mut returned) = (0u64, 0u64);

    panic::set_hook(Box::new(|_| {}));
    println!("ready {}", std::process::id());
    io::stdout().flush().unwrap();
    io::stdin().lock().read_line(&mut line).unwrap();
    if line != "go\n" {
        std::process::exit(2);
    }
    for round in 0..rounds {
        match panic::catch_unwind(|| panic_through(std::hint::black_box(round))) {
            Ok(value) if value == round + 1 => returned += 1,
            Ok(_) => std::process::exit(1),
            Err(_) => caught += 1,
        }
    }
    println!("done calls={} returned={} caught={}", rounds, returned, caught);
    io::stdout().flush().unwrap();
    io::stdin().lock().read_to_end(&mut Vec::new()).unwrap();
}
