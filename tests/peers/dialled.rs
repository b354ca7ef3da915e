//! The panel calls baresip from its own screen; and what is said when nothing comes of a call.
