//! What the phone wants done.

use super::Loop;
use crate::channel::Event;
use crate::phone::{LogChange, MediaEvent, Output};
use crate::sip::{Path, Transmit, Transport};
use crate::worker::control::events;
use crate::worker::files::Job;
use crate::worker::media::now;
use crate::worker::trace::Way;

impl Loop {
    /// Does all that the phone wants done, and tells it what came of it, until it wants nothing more.
    pub(super) fn drain(&mut self) {
        loop {
            if let Some(output) = self.phone.poll_output() {
                self.put_out(output);
            } else if let Some(event) = self.media.poll_event() {
                self.tell_media(event);
            } else {
                return;
            }
        }
    }

    fn put_out(&mut self, output: Output) {
        match output {
            Output::Transmit(transmit) => self.transmit(transmit),
            Output::CloseFlow(flow) => {
                self.table.close(flow);
                self.closed(flow);
            }
            Output::Listen { port, keep } => {
                let result = self.direct.listen(port, &keep);
                self.phone.handle_listening(now(), result);
            }
            Output::Media(order) => self.media.order(now(), order),
            Output::Event(event) => self.tell(event),
            Output::SaveSettings(config) => {
                self.saving += 1;
                self.save(Job::Settings(config));
            }
            Output::SaveLog(LogChange::Append(entry)) => self.save(Job::Append(entry)),
            Output::SaveLog(LogChange::Replace(entries)) => self.save(Job::Replace(entries)),
            Output::Flood(flood) => tracing::warn!("{flood}"),
            Output::Finished => self.finished = true,
        }
    }

    fn save(&mut self, job: Job) {
        let of_settings = matches!(job, Job::Settings(_));
        if self.writer.save(job) {
            return;
        }
        let lost = Err("the thread that writes files is gone".to_owned());
        if of_settings {
            self.saving = self.saving.saturating_sub(1);
            self.phone.handle_settings_saved(now(), lost);
        } else {
            self.phone.handle_log_saved(now(), lost);
        }
    }

    fn tell_media(&mut self, event: MediaEvent) {
        if let MediaEvent::DtmfReceived { call, digit } = event {
            let _ = self.stream.send(events::dtmf(call.0, digit));
        }
        self.phone.handle_media(now(), event);
    }

    pub(super) fn tell(&mut self, event: Event) {
        match &event {
            Event::Call(view) => self.reporter.call(view),
            Event::DirectIp(view) => self.reporter.direct_ip(view),
            Event::Settings(config) => self.settle_pin(&config.pin),
            _ => {}
        }
        self.stream_out(&event);
        // Without a screen nobody listens.
        let _ = self.events.send(event);
    }

    /// Tells those who listen on the control socket.
    fn stream_out(&self, event: &Event) {
        if self.stream.receiver_count() > 0
            && let Some(line) = events::line(now().instant, event)
        {
            let _ = self.stream.send(line);
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        let Transmit { path, bytes } = transmit;
        // Pings and their answers would fill it.
        if let Some(trace) = &mut self.trace
            && !bytes.iter().all(u8::is_ascii_whitespace)
        {
            trace.message(Way::Out, path.transport.name(), path.local, path.remote, &bytes);
        }
        match path.transport {
            Transport::Udp => {
                if let Err(error) = self.direct.send(path.local.port(), path.remote, &bytes) {
                    tracing::debug!("to {}: {error}", path.remote);
                    self.phone.handle_transport_error(now(), path);
                }
            }
            Transport::Tcp | Transport::Tls => self.transmit_on_connection(path, bytes),
        }
    }

    fn transmit_on_connection(&mut self, path: Path, bytes: Vec<u8>) {
        let now = now();
        let standing = path.flow.filter(|flow| self.table.contains(*flow)).or_else(|| self.table.find(path.remote));
        let flow = match standing {
            Some(flow) => flow,
            None => {
                let in_call = |flow| self.phone.uses_flow(flow);
                match self.table.connect(now.instant, path.local, path.remote, &in_call) {
                    Ok((flow, gone)) => {
                        self.connecting.insert(flow, Vec::new());
                        if let Some(gone) = gone {
                            self.closed(gone);
                        }
                        flow
                    }
                    Err(why) => {
                        tracing::debug!("to {}: {why}", path.remote);
                        return self.phone.handle_transport_error(now, path);
                    }
                }
            }
        };
        if let Err(why) = self.table.send(now.instant, flow, bytes) {
            tracing::debug!("to {}: {why}", path.remote);
            self.phone.handle_transport_error(now, path);
            self.closed(flow);
        } else if let Some(waiting) = self.connecting.get_mut(&flow) {
            waiting.push(path);
        }
    }
}
