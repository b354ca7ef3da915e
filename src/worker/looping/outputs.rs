//! What the phone wants done.

use super::{Loop, closed_here, name_servers};
use crate::channel::{Event, UnlockFault};
use crate::phone::{Connect, DoorRequest, FlowFault, MediaEvent, Output};
use crate::sip::{Path, Transmit, Transport};
use crate::worker::control::events;
use crate::worker::files::{Job, Saved};
use crate::worker::media::now;
use crate::worker::net::direct::Listening;
use crate::worker::net::{tcp, tls};
use crate::worker::trace::Way;
use crate::worker::web;

impl Loop {
    /// Does all that the phone wants done, and tells it what came of it, until it wants nothing more.
    pub(super) fn drain(&mut self) {
        loop {
            if let Some(output) = self.phone.poll_output() {
                self.put_out(output);
            } else if let Some(event) = self.media.poll_event() {
                self.tell_media(event);
            } else if let Some((call, still)) = self.media.poll_still() {
                self.keep_picture(call, still);
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
                self.closed(flow, &closed_here());
            }
            Output::Listen { port, keep } => {
                let Listening { on, fault, stand_in } = self.direct.listen(port, &keep);
                self.phone.handle_listening(now(), on, fault, stand_in);
                if !self.asked.has_screen() {
                    self.is_up();
                }
            }
            Output::OpenPort { account, trial } => {
                let port = self.direct.open_for_account();
                if let Err(why) = &port {
                    tracing::error!("no port for {account}: {why}");
                }
                self.phone.handle_port(now(), account, trial, port.ok());
            }
            Output::ClosePort(port) => self.direct.close_for_account(port),
            Output::Resolve(question) => self.resolver.ask(0, question),
            Output::Connect(order) => self.connect(*order),
            Output::AskDoor(request) => self.ask_door(*request),
            Output::Media(order) => self.media.order(now(), order),
            Output::PulseRelay { asked, time } => {
                let now = now();
                let switched = self.board.pulse(now.instant, time);
                self.phone.handle_door_answer(now, asked, if switched { Ok(()) } else { Err(UnlockFault::Relay) });
            }
            Output::Event(event) => self.tell(event),
            Output::SaveSettings(config) => {
                self.saving += 1;
                self.save(Job::Settings(config));
            }
            Output::SaveLog(change) => self.save(Job::Log(change)),
            Output::NoteUnfinished(calls) => self.save(Job::Unfinished(calls)),
            Output::DropPictures(names) => self.kept_pictures.remove(names),
            Output::Flood(flood) => tracing::warn!("{flood}"),
            Output::Finished => self.finished = true,
        }
    }

    fn save(&mut self, job: Job) {
        if let Err(lost) = self.writer.save(job) {
            self.saved(lost);
        }
    }

    /// What became of something that was to be made durable.
    pub(super) fn saved(&mut self, saved: Saved) {
        let now = now();
        match saved {
            Saved::Settings(result) => {
                self.saving = self.saving.saturating_sub(1);
                self.phone.handle_settings_saved(now, result.clone());
                self.drain();
                if self.saving == 0 {
                    self.asked.saved(&result);
                }
            }
            Saved::Log(result) => self.phone.handle_log_saved(now, result),
            Saved::SettingsAtLast => self.phone.handle_settings_saved_at_last(now),
            Saved::LogAtLast => self.phone.handle_log_saved_at_last(now),
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
            Event::Light(view) => self.board.light(view.backlight),
            Event::Settings(config) => {
                self.board.configure(config);
                self.settle_pin(&config.pin);
                self.settle_certificates(config);
                self.resolver.set_name_servers(&name_servers(&config.dns_servers));
            }
            Event::Registration(view) => self.reporter.account(view),
            Event::DoorKey(view) => self.reporter.door(view),
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

    /// Opens the connection of an account.
    fn connect(&mut self, order: Connect) {
        let now = now();
        let flow = order.flow;
        let opened = self.secured(order).and_then(|wanted| {
            let in_call = |flow| self.phone.uses_flow(flow);
            self.table.connect(now.instant, wanted, &in_call).map_err(FlowFault::Ended)
        });
        match opened {
            Ok((_, gone)) => {
                if let Some(gone) = gone {
                    self.closed(gone, &closed_here());
                }
            }
            Err(fault) => self.phone.handle_flow_gone(now, flow, &fault),
        }
    }

    /// The connection with what TLS needs for it.
    fn secured(&mut self, order: Connect) -> Result<tcp::Connect, FlowFault> {
        let Connect { flow, account, local, target } = order;
        let tls = match target.transport {
            Transport::Tls => {
                let credentials = self.keyring.of(account, self.phone.config().account(account));
                Some((credentials, tls::peer_name(&target.host).map_err(FlowFault::Tls)?))
            }
            Transport::Udp | Transport::Tcp => None,
        };
        Ok(tcp::Connect { flow: Some(flow), local, remote: target.address, tls })
    }

    fn ask_door(&mut self, request: DoorRequest) {
        let credentials = self.keyring.of_doors(&self.phone.config().accounts);
        self.doors.ask(request, &mut self.resolver, credentials);
    }

    /// A door that was asked has answered, or has not.
    pub(super) fn door_answered(&mut self, answer: web::Answer) {
        if let Err(UnlockFault::Tls(_)) = answer.result {
            // Whoever mends it may do so in the files.
            self.keyring.forget();
        }
        self.phone.handle_door_answer(now(), answer.asked, answer.result);
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
        let standing = path.flow.filter(|flow| self.table.contains(*flow));
        let flow = match standing.or_else(|| self.table.find(path.remote).filter(|_| path.transport == Transport::Tcp))
        {
            Some(flow) => flow,
            None if path.transport == Transport::Tls => {
                tracing::debug!("to {}: the connection is gone", path.remote);
                return self.phone.handle_transport_error(now, path);
            }
            None => {
                let in_call = |flow| self.phone.uses_flow(flow);
                let wanted = tcp::Connect { flow: None, local: path.local, remote: path.remote, tls: None };
                match self.table.connect(now.instant, wanted, &in_call) {
                    Ok((flow, gone)) => {
                        self.connecting.insert(flow, Vec::new());
                        if let Some(gone) = gone {
                            self.closed(gone, &closed_here());
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
            self.closed(flow, &FlowFault::Ended(why));
        } else if let Some(waiting) = self.connecting.get_mut(&flow) {
            waiting.push(path);
        }
    }
}
