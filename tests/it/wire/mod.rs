//! Trouble on the wire, primitive by primitive, as a client sees it that reads
//! bytes and keeps apart what came apart.

mod asked;
mod carry;
mod catalogue;
mod choices;
mod connections;
mod edit;
mod encode;
mod end;
mod frame;
mod head;
mod kinds;
mod layers;
mod missed;
mod pace;
mod points;
mod seeds;
mod seen;
mod send;
mod write;
